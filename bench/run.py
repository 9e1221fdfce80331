"""Measures one tenant in a sandbox, compared with an empty program and the azuread part alone.

`make bench` prepares the machine and runs it. With the project's environment: `python -m bench.run`.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kzero_sandbox.running import RunningSandbox, Tenant
from rich.console import Console

from bench import figures, machine, projects, report
from bench.adopting import Adopting
from bench.figures import Measure, Measures, Operation, Program, Sample
from bench.stopwatch import Stack
from bench.surroundings import NO_WAIT, environment, running
from tools import azuread_plugin, keycloak_dist, pulumi_cli
from tools.problem import run_main

AZUREAD_WAIT: Final = 20.0
"""Seconds that azuread waits after it creates an application: it reads the application five times, every 5 s."""

_WITH_WAIT: Final = {"AZUREAD_STANDIN_POLL_SECONDS": "5"}
_COMPARED: Final[tuple[Program, ...]] = ("empty", "azuread", "tenant")
_STACK: Final = "bench"
_UP: Final[Operation] = "up"
_DESTROY: Final[Operation] = "destroy"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to measure.

    Attributes:
        repeat: Number of runs of each command.
        users: Number of further users of the large tenant; 0 skips it.
        most: The same for the huge tenant, which runs once, with its memory measured.
        wait: Whether to verify once how long azuread waits.
        json: File for all samples; None writes no file.
    """

    repeat: int
    users: int
    most: int
    wait: bool
    json: Path | None

    @classmethod
    def parse(cls, arguments: Sequence[str] | None = None) -> Options:
        """Return the options on the command line."""
        parser = argparse.ArgumentParser(prog="bench", description=__doc__)
        parser.add_argument("--repeat", type=_positive, default=5, metavar="N", help="runs of each command (5)")
        parser.add_argument(
            "--users", type=int, default=1000, metavar="N", help="assigned users of the large tenant (1000); 0 skips it"
        )
        parser.add_argument(
            "--most",
            type=int,
            default=10_000,
            metavar="N",
            help="assigned users of the huge tenant (10000); 0 skips it",
        )
        parser.add_argument("--quick", action="store_true", help="run each command once, with at most 100 users")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write every sample to this file")
        given = parser.parse_args(arguments)
        return cls(
            repeat=1 if given.quick else given.repeat,
            users=min(given.users, 100) if given.quick else given.users,
            most=0 if given.quick else given.most,
            wait=not given.quick,
            json=given.json.absolute() if given.json else None,
        )


@dataclass(frozen=True, kw_only=True)
class Bench:
    """A sandbox and the projects to measure in it."""

    sandbox: RunningSandbox
    folders: dict[Program, Path]
    pulumi: Path
    console: Console

    def once(self, measured: Sequence[Program], *, users: int = 0, env: Mapping[str, str] = NO_WAIT) -> _Samples:
        """Run every command once for each program, side by side, against a new tenant.

        Args:
            measured: The programs.
            users: Number of further users of the tenant.
            env: Further environment variables.
        """
        samples: _Samples = {}
        with self.sandbox.tenant() as tenant, ExitStack() as open_stacks:
            further = _add_users(tenant, users)
            stacks: dict[Program, Stack] = {}
            for program in measured:
                stacks[program] = self._stack(program, tenant, env)
                open_stacks.enter_context(stacks[program].made(self._settings(program, tenant, further)))
            for operation in report.COMMANDS:
                for program, stack in stacks.items():
                    sample = stack.measure(operation)
                    samples[program, operation] = sample
                    self.console.print(f"    {program:8} {operation:8} {sample.seconds:6.2f} s", style="dim")
        return samples

    def up_and_destroy(self, program: Program, *, env: Mapping[str, str]) -> Sample:
        """Run `up` and `destroy` of one program against a new tenant, and return the sample of `up`."""
        with self.sandbox.tenant() as tenant:
            stack = self._stack(program, tenant, env)
            with stack.made(self._settings(program, tenant, [])):
                sample = stack.measure(_UP)
                stack.measure(_DESTROY)
        return sample

    @property
    def adopting(self) -> Adopting:
        """The measurement of adopting a tenant that was set up by hand."""
        return Adopting(sandbox=self.sandbox, project=self.folders["tenant"], pulumi=self.pulumi)

    def _stack(self, program: Program, tenant: Tenant, env: Mapping[str, str]) -> Stack:
        return Stack(
            project=self.folders[program],
            name=_STACK,
            program=self.pulumi,
            env=environment(tenant, self.pulumi, env),
            entra=tenant.entra,
            kzero=tenant.kzero,
            weigh=program == "huge",
        )

    def _settings(self, program: Program, tenant: Tenant, users: Sequence[str]) -> dict[str, Any]:
        if program == "empty":
            return {}
        urls, organisation = self.sandbox.urls, self.sandbox.organisation
        azuread = projects.azuread_settings(organisation.tenant_id, urls.entra.removeprefix("https://"))
        if program == "azuread":
            return azuread
        listed = self.folders[program] / "stacks" / "users.txt"
        listed.write_text("\n".join(users), encoding="utf-8")
        return azuread | projects.tenant_settings(urls.kzero, tenant.realm, listed)


_Samples = dict[tuple[Program, Operation], Sample]


def main() -> None:
    """Measure and print the results."""
    options = Options.parse()
    console = Console()
    pulumi = pulumi_cli.set_up()
    os.environ.setdefault("KEYCLOAK_HOME", str(keycloak_dist.home()))
    with tempfile.TemporaryDirectory(prefix="kzero-scim-bench-") as folder, running(Path(folder), console) as sandbox:
        plugin = azuread_plugin.install(sandbox.layout.pulumi_home)
        # The stand-in is set not to wait. The official plugin always waits, so its wait is subtracted.
        azuread_wait = 0.0 if plugin.kind == "standin" else AZUREAD_WAIT
        here = machine.read_machine(pulumi, plugin.text)
        console.print(here.text, highlight=False)
        bench = Bench(sandbox=sandbox, folders=_projects(Path(folder)), pulumi=pulumi, console=console)
        console.print("Warm-up run, not counted")
        bench.once(_COMPARED)
        measures = _measured(bench, options)
        notes = [_note_on_wait(bench, measures, official=azuread_wait > 0, proved=options.wait)]
        aims = figures.aims(measures, azuread_wait=azuread_wait)
    report.show(console, measures, aims, names=report.programs(options.users, options.most), notes=notes)
    if options.json:
        found = report.as_json(here, measures, aims, notes)
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def _projects(folder: Path) -> dict[Program, Path]:
    copy = projects.tenant(folder / "tenant")
    return {
        "empty": projects.empty(folder / "empty"),
        "azuread": projects.azuread_alone(folder / "azuread"),
        "tenant": copy,
        "large": copy,
        "huge": copy,
    }


def _measured(bench: Bench, options: Options) -> Measures:
    gathered: dict[tuple[Program, Operation], list[Sample]] = defaultdict(list)
    for number in range(1, options.repeat + 1):
        bench.console.print(f"Run {number} of {options.repeat}")
        found = bench.once(_COMPARED)
        if options.users:
            found |= bench.once(("large",), users=options.users)
            found |= {("adopted", "adopt"): bench.adopting.once(options.users)}
        for key, sample in found.items():
            gathered[key].append(sample)
    if options.most:
        bench.console.print(f"One run with {options.most:,} users")
        for key, sample in bench.once(("huge",), users=options.most).items():
            gathered[key].append(sample)
    return {
        (program, operation): Measure(program=program, operation=operation, samples=tuple(samples))
        for (program, operation), samples in gathered.items()
    }


def _note_on_wait(bench: Bench, measures: Measures, *, official: bool, proved: bool) -> str:
    if official:
        return f"Each first up that creates an application includes {AZUREAD_WAIT:.0f} s in which azuread waits for it."
    said = "The azuread stand-in was set not to wait for the application that it creates"
    if not proved:
        return f"{said}. By default it waits {AZUREAD_WAIT:.0f} s, like the official plugin."
    bench.console.print("One first up with azuread's wait")
    sample = bench.up_and_destroy("tenant", env=_WITH_WAIT)
    more = sample.seconds - measures["tenant", _UP].seconds
    return (
        f"{said}. With the official plugin's wait, the sandbox tenant's first up took {sample.seconds:.2f} s, "
        f"{more:.2f} s more."
    )


def _add_users(tenant: Tenant, count: int) -> list[str]:
    if not count:
        return []
    added = tenant.entra.post("/sandbox/users", json={"count": count}).raise_for_status().json()
    return [user["userPrincipalName"] for user in added]


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        message = f"{number} is below 1"
        raise argparse.ArgumentTypeError(message)
    return number


if __name__ == "__main__":
    run_main(main)
