"""Attacks one tenant of a fleet of four in a sandbox, and checks that the attack gets nothing.

`make hostile` prepares the machine and runs it. With the project's environment: `python -m hostile.run`.
"""

from __future__ import annotations

import os
import random
import tempfile
from pathlib import Path

from kzero_sandbox.azuread.installation import write_stand_in
from rich.console import Console

from bench import machine
from bench.surroundings import running
from faults.command_line import Options, run_all
from hostile import table
from hostile.fleet import fleet
from hostile.harness import Harness, all_cases
from tools import keycloak_dist, pulumi_cli
from tools.problem import run_main


def main() -> None:
    """Run the cases and print their results; exit with code 1 if one has a problem."""
    options = Options.parse("hostile", __doc__)
    console = Console(soft_wrap=True, highlight=False)
    cases = all_cases()
    if options.sample:
        random.Random(options.seed).shuffle(cases)  # noqa: S311 - not used for secrets
    cases = options.chosen(cases)
    if options.listed:
        for case in cases:
            console.print(case.key)
        return
    pulumi = pulumi_cli.set_up()
    os.environ.setdefault("KEYCLOAK_HOME", str(keycloak_dist.home()))
    with tempfile.TemporaryDirectory(prefix="kzero-scim-hostile-") as name, running(Path(name), console) as sandbox:
        write_stand_in(sandbox.layout.pulumi_home)
        here = machine.read_machine(pulumi, "azuread stand-in")
        console.print(f"{len(cases)} cases; {here.text}")
        with fleet(sandbox, Path(name) / "attacked", pulumi) as made:
            results = run_all(cases, Harness(made).run, console)
    options.conclude("hostile", table.report(results), here.text)


if __name__ == "__main__":
    run_main(main)
