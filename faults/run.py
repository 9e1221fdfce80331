"""Breaks what can break while `pulumi up` runs, in a sandbox, and checks that a second `up` repairs it.

`make faults` prepares the machine and runs it. With the project's environment: `python -m faults.run`.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from kzero_sandbox.azuread.installation import write_stand_in
from rich.console import Console

from bench import machine
from bench.surroundings import running
from faults import table
from faults.harness import Harness, all_cases, chosen
from faults.verdict import Result
from tools import keycloak_dist, pulumi_cli
from tools.problem import run_main

_SEED = 1


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to run.

    Attributes:
        only: Patterns of keys; empty for all cases.
        seed: Determines order and random choices.
        sample: Largest number of cases, selected by the seed; None for no limit.
        listed: Whether to list the cases instead of running them.
        markdown: File for the table; None writes no file.
        words: The command line, to quote in the table.
    """

    only: tuple[str, ...]
    seed: int
    sample: int | None
    listed: bool
    markdown: Path | None
    words: tuple[str, ...]

    @classmethod
    def parse(cls, arguments: Sequence[str] | None = None) -> Options:
        """Return the options on the command line."""
        words = tuple(sys.argv[1:] if arguments is None else arguments)
        parser = argparse.ArgumentParser(prog="faults", description=__doc__)
        parser.add_argument(
            "--seed", type=int, default=_SEED, metavar="N", help=f"seed of the order and the random choices ({_SEED})"
        )
        parser.add_argument(
            "--only",
            action="append",
            default=[],
            metavar="PATTERN",
            help="run cases whose key contains this; repeatable",
        )
        parser.add_argument("--sample", type=int, metavar="N", help="run at most N cases, selected by the seed")
        parser.add_argument("--list", action="store_true", dest="listed", help="list the cases and exit")
        parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the table to this file")
        given = parser.parse_args(words)
        return cls(
            only=tuple(given.only),
            seed=given.seed,
            sample=given.sample,
            listed=given.listed,
            markdown=given.markdown.absolute() if given.markdown else None,
            words=words,
        )


def main() -> None:
    """Run the cases and print their results; exit with code 1 if one has a problem."""
    options = Options.parse()
    console = Console(soft_wrap=True, highlight=False)
    cases = chosen(all_cases(options.seed), options.only)[: options.sample]
    if options.listed:
        for case in sorted(cases, key=lambda case: case.key):
            console.print(case.key)
        return
    pulumi = pulumi_cli.set_up()
    os.environ.setdefault("KEYCLOAK_HOME", str(keycloak_dist.home()))
    with tempfile.TemporaryDirectory(prefix="kzero-scim-faults-") as folder, running(Path(folder), console) as sandbox:
        # The stand-in, because the official plugin cannot be set not to wait. Both do the same otherwise.
        write_stand_in(sandbox.layout.pulumi_home)
        here = machine.read_machine(pulumi, "azuread stand-in")
        console.print(f"{len(cases)} cases, seed {options.seed}; {here.text}")
        harness = Harness(sandbox=sandbox, folder=Path(folder), pulumi=pulumi)
        results: list[Result] = []
        for number, case in enumerate(cases, 1):
            began = time.monotonic()
            results.append(harness.run(case))
            _tell(console, f"{number:3}/{len(cases)}", results[-1], time.monotonic() - began)
    Console(width=200).print(table.table(results))
    if options.markdown:
        words = " ".join(word for word in options.words if "--markdown" not in word and word != str(options.markdown))
        command = f'make faults ARGS="{words}"' if words else "make faults"
        options.markdown.write_text(table.markdown(results, command, here.text), encoding="utf-8")
    if any(result.problems for result in results):
        sys.exit(1)


def _tell(console: Console, number: str, result: Result, seconds: float) -> None:
    mark = "FAILED" if result.problems else "ok    "
    console.print(f"{number} {mark} {result.case.key} ({seconds:.0f} s)", markup=False)
    for problem in result.problems:
        console.print(f"        {problem}", markup=False)


if __name__ == "__main__":
    run_main(main)
