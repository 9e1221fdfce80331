"""Measures a fleet in one sandbox: `pulumi preview` in a loop, `fleet preview`, and `fleet drift`.

`make bench-fleet` prepares the machine and runs it. With the project's environment: `python -m bench.fleet`.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from kzero_sandbox.fleet import common_variables, make_tenants, write_project
from kzero_sandbox.organisation import Organisation
from kzero_sandbox.running import RunningSandbox
from rich.console import Console
from rich.table import Table

from bench import figures, limits, machine, memory
from bench.figures import Aim
from bench.limits import Counted
from bench.memory import Memory
from bench.surroundings import NO_WAIT, running
from bench.tenant_cost import INPUTS
from kzero_scim.fleet.credentials.credentials import Credentials
from kzero_scim.fleet.project import FleetProject
from tools import azuread_plugin, keycloak_dist, pulumi_cli
from tools.problem import Problem, run_main
from tools.python_env import VENV

_WIDTH: Final = 120
Part = Literal["loop", "preview", "drift"]
_PARTS: Final[tuple[Part, ...]] = ("loop", "preview", "drift")
_PREVIEW: Final = ("preview", "--expect-no-changes", "--non-interactive", "--stack")
_KEPT: Final[Mapping[Part, str]] = {"preview": "fleet preview", "drift": "fleet drift"}


@dataclass(frozen=True, kw_only=True)
class FleetSample:
    """One run over tenants.

    Attributes:
        part: What ran.
        tenants: Number of tenants.
        workers: Number of tenants in parallel; for drift, in one process.
        seconds: Run time.
        memory: ``whole`` is all processes together, ``engine`` the command's own process.
        requests: The requests that the services received.
    """

    part: Part
    tenants: int
    workers: int
    seconds: float
    memory: Memory
    requests: Counted

    @property
    def per_second(self) -> float:
        """Tenants per second."""
        return self.tenants / self.seconds


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to measure.

    Attributes:
        tenants: Number of tenants, one round for each.
        workers: Number of tenants in parallel, one round for each.
        parts: The parts to measure.
        json: File for all samples; None writes no file.
        keep: Whether to store the result as input for docs/scale.md.
    """

    tenants: list[int]
    workers: list[int]
    parts: list[Part]
    json: Path | None
    keep: bool

    @classmethod
    def parse(cls, arguments: Sequence[str] | None = None) -> Options:
        """Return the options on the command line."""
        parser = argparse.ArgumentParser(prog="bench-fleet", description=__doc__)
        parser.add_argument(
            "--tenants", type=_numbers, default=[20, 100, 200], metavar="N,...", help="numbers of tenants (20,100,200)"
        )
        parser.add_argument(
            "--workers",
            type=_numbers,
            default=[1, 2, 4],
            metavar="N,...",
            help="numbers of tenants in parallel (1,2,4)",
        )
        parser.add_argument(
            "--parts", type=_parts, default=list(_PARTS), metavar="P,...", help=f"parts to measure ({','.join(_PARTS)})"
        )
        parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample to this file")
        parser.add_argument(
            "--keep", action="store_true", help=f"store the result as input for docs/scale.md, in {INPUTS.name}"
        )
        given = parser.parse_args(arguments)
        return cls(
            tenants=given.tenants,
            workers=given.workers,
            parts=given.parts,
            json=given.json.absolute() if given.json else None,
            keep=given.keep,
        )


@dataclass(frozen=True, kw_only=True)
class Fleet:
    """A sandbox with a project of many tenants.

    Attributes:
        sandbox: The sandbox.
        folder: The project's folder.
        pulumi: The Pulumi CLI.
        env: The environment variables that all tenants have in common.
        names: The existing stacks, in order.
    """

    sandbox: RunningSandbox
    folder: Path
    pulumi: Path
    env: dict[str, str] = field(repr=False)
    names: list[str] = field(default_factory=list)

    def grow(self, count: int) -> None:
        """Create and set up tenants until there are `count`. This is not measured."""
        made = make_tenants(self.sandbox, range(1, count + 1), self.folder.with_name("secrets"))
        write_project(self.sandbox, made, self.folder)
        new = [tenant.name for tenant in made[len(self.names) :]]
        if new:
            self._run([VENV / "bin" / "kzero-scim", "fleet", "up", "--yes", *new], self.env)
            self.names.extend(new)

    def loop(self, count: int) -> FleetSample:
        """Preview tenants one after the other, as an operator would without the fleet commands."""
        project = FleetProject.load(self.folder)
        credentials = Credentials(project, self.env)
        with self._counting() as counted:
            began = time.perf_counter()
            most = [
                self._run([self.pulumi, *_PREVIEW, name], self.env | credentials.environment_of(name))
                for name in self.names[:count]
            ]
            seconds = time.perf_counter() - began
        heaviest = max(most, key=lambda one: one.whole)
        return FleetSample(part="loop", tenants=count, workers=1, seconds=seconds, memory=heaviest, requests=counted[0])

    def run(self, part: Part, count: int, workers: int) -> FleetSample:
        """Run one fleet command, which must find nothing to change."""
        words = [VENV / "bin" / "kzero-scim", "fleet", part, "--parallel", str(workers), *self.names[:count]]
        with self._counting() as counted:
            began = time.perf_counter()
            most = self._run(words, self.env)
            seconds = time.perf_counter() - began
        return FleetSample(part=part, tenants=count, workers=workers, seconds=seconds, memory=most, requests=counted[0])

    @contextmanager
    def _counting(self) -> Iterator[list[Counted]]:
        """Count the services' requests while the block runs. The Entra emulator keeps one log per tenant."""
        found: list[Counted] = []
        own = [f"/sandbox/of/{Organisation.numbered(number).tenant_id}" for number in range(1, len(self.names) + 1)]
        with self.sandbox.entra() as entra, self.sandbox.kzero() as kzero:
            logs = [(entra, f"{place}/requests") for place in ("/sandbox", *own)]
            for client, path in (*logs, (kzero, "/sandbox/requests")):
                client.delete(path).raise_for_status()
            yield found
            seen = [entry for client, path in logs for entry in client.get(path).raise_for_status().json()]
            found.append(limits.count(seen, kzero.get("/sandbox/requests").raise_for_status().json()))

    def _run(self, words: list[str | Path], env: Mapping[str, str]) -> Memory:
        with (
            tempfile.TemporaryFile() as output,
            subprocess.Popen(  # noqa: S603 - the project's own commands, no shell
                words,
                cwd=self.folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            ) as process,
        ):
            with memory.watching(process.pid) as peaks:
                ended = process.wait()
            if ended:
                output.seek(0)
                said = output.read().decode(errors="replace")
                message = f"{' '.join(map(str, words[:4]))} failed with exit code {ended}:\n{said[-4000:]}"
                raise Problem(message)
        return peaks.memory()


def measure(fleet: Fleet, options: Options, console: Console) -> Iterator[FleetSample]:
    """Yield the samples of all parts for each number of tenants."""
    for count in sorted(options.tenants):
        with console.status(f"Setting up {count} tenants"):
            fleet.grow(count)
        if "loop" in options.parts:
            yield fleet.loop(count)
        for workers in options.workers if "preview" in options.parts else ():
            yield fleet.run("preview", count, workers)
        if "drift" in options.parts:
            yield fleet.run("drift", count, 16)


def aims(samples: Sequence[FleetSample]) -> list[Aim]:
    """Return a fleet's aims on 2 cores with their measured values. An aim without samples is left out."""
    found: list[Aim] = []
    by_part: dict[Part, list[FleetSample]] = {
        part: [sample for sample in samples if sample.part == part] for part in _PARTS
    }
    largest = max((sample.tenants for sample in samples), default=0)
    loop = [sample.per_second for sample in by_part["loop"] if sample.tenants == largest]
    preview = [sample.per_second for sample in by_part["preview"] if sample.tenants == largest]
    if loop and preview:
        found.append(_at_least("fleet preview, times the loop's throughput", 4, max(preview) / max(loop), "x"))
    drift = sorted(by_part["drift"], key=lambda sample: sample.tenants)
    if drift:
        found.append(_at_least("fleet drift, tenants per second", 20, drift[-1].per_second, ""))
        name = f"fleet drift of {drift[-1].tenants}, memory"
        found.append(Aim(name=name, limit=500, measured=drift[-1].memory.whole, unit="MB"))
    for part, rows in by_part.items():
        same = sorted(
            (row for row in rows if row.workers == max(one.workers for one in rows)), key=lambda row: row.tenants
        )
        if len(same) > 1:
            growth = same[0].per_second / same[-1].per_second
            name = f"{part}: cost per tenant at {same[-1].tenants}, times that at {same[0].tenants}"
            # Measurements on the same machine differ by up to a tenth.
            found.append(Aim(name=name, limit=1.1, measured=growth, unit="x"))
    return found


def _at_least(name: str, least: float, measured: float, unit: str) -> Aim:
    return Aim(name=f"{name}: at least", limit=least, measured=measured, unit=unit, is_least=True)


def show(console: Console, samples: Sequence[FleetSample], held: Sequence[Aim]) -> None:
    """Print samples and aims."""
    table = Table(
        title="Tenants without changes: `pulumi preview` one by one (loop), `fleet preview`, `fleet drift`. "
        "MB: all processes together; own MB: the command's own process"
    )
    for heading in ("what", "tenants", "parallel", "seconds", "per second", "MB", "own MB", "Graph units", "sign-ins"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for sample in sorted(samples, key=lambda one: (_PARTS.index(one.part), one.tenants, one.workers)):
        counts = (str(sample.tenants), str(sample.workers), f"{sample.seconds:.1f}", f"{sample.per_second:.2f}")
        weights = (f"{sample.memory.whole:.0f}", f"{sample.memory.engine:.0f}")
        requests = (str(sample.requests.units), str(sample.requests.sign_ins + sample.requests.grants))
        table.add_row(sample.part, *counts, *weights, *requests)
    console.print(table)
    verdicts = Table(title="Aims, on 2 cores")
    for heading in ("aim", "limit", "measured", ""):
        verdicts.add_column(heading)
    for aim in held:
        limit, measured = figures.amount(aim.limit, aim.unit), figures.amount(aim.measured, aim.unit)
        verdicts.add_row(aim.name, limit, measured, f"[{'green' if aim.met else 'red'}]{aim.verdict}[/]")
    console.print(verdicts)


def as_json(here: str, samples: Sequence[FleetSample], held: Sequence[Aim]) -> dict[str, Any]:
    """Return the content of the JSON file."""
    return {
        "machine": here,
        "samples": [{**asdict(sample), "tenants_a_second": sample.per_second} for sample in samples],
        "aims": [{**asdict(aim), "met": aim.met} for aim in held],
    }


def kept(here: str, samples: Sequence[FleetSample]) -> dict[str, Any]:
    """Return the fleet's inputs of docs/scale.md: the fastest run of each part with the most tenants, per tenant."""
    most = max(sample.tenants for sample in samples)
    found = {}
    for part, name in _KEPT.items():
        best = min((one for one in samples if (one.part, one.tenants) == (part, most)), key=lambda one: one.seconds)
        found[name] = {
            "workers": best.workers,
            "seconds": round(best.seconds / most, 4),
            "megabytes": round(best.memory.whole),
            "requests": {key: round(count / most, 2) for key, count in asdict(best.requests).items()},
        }
    return {"machine": here, "tenants": most, "runs": found}


def main() -> None:
    """Measure and print the results."""
    options = Options.parse()
    # A log has no width, and the default of 80 columns would cut the table's headings.
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    pulumi = pulumi_cli.set_up()
    os.environ.setdefault("KEYCLOAK_HOME", str(keycloak_dist.home()))
    with tempfile.TemporaryDirectory(prefix="kzero-scim-bench-") as work, running(Path(work), console) as sandbox:
        here = machine.read_machine(pulumi, azuread_plugin.install(sandbox.layout.pulumi_home).text).text
        console.print(here, highlight=False)
        fleet = Fleet(sandbox=sandbox, folder=Path(work) / "fleet", pulumi=pulumi, env=_environment(sandbox, pulumi))
        samples = []
        for sample in measure(fleet, options, console):
            console.print(f"  {sample.part} {sample.tenants} / {sample.workers}: {sample.seconds:.1f} s", style="dim")
            samples.append(sample)
    held = aims(samples)
    show(console, samples, held)
    if options.json:
        options.json.write_text(json.dumps(as_json(here, samples, held), indent=2) + "\n", encoding="utf-8")
    if options.keep:
        inputs = json.loads(INPUTS.read_text(encoding="utf-8"))
        INPUTS.write_text(json.dumps({**inputs, "fleet": kept(here, samples)}, indent=2) + "\n", encoding="utf-8")


def _environment(sandbox: RunningSandbox, pulumi: Path) -> dict[str, str]:
    folders = [str(VENV / "bin"), str(pulumi.parent), os.environ.get("PATH", os.defpath)]
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    active = {"VIRTUAL_ENV": str(VENV), "PATH": os.pathsep.join(folders)}
    return {**inherited, **common_variables(sandbox), **NO_WAIT, **active}


def _numbers(text: str) -> list[int]:
    found = [int(one) for one in text.split(",")]
    if not found or min(found) < 1:
        message = f"{text}: give numbers from 1, for example 20,100"
        raise argparse.ArgumentTypeError(message)
    return found


def _parts(text: str) -> list[Part]:
    found = [part for part in _PARTS if part in text.split(",")]
    if len(found) != len(text.split(",")):
        message = f"{text}: the parts are {', '.join(_PARTS)}"
        raise argparse.ArgumentTypeError(message)
    return found


if __name__ == "__main__":
    run_main(main)
