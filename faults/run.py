"""Breaks what can break while `pulumi up` runs, in a sandbox, and checks that a second `up` repairs it.

`make faults` prepares the machine and runs it. With the project's environment: `python -m faults.run`.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from kzero_sandbox.azuread.installation import write_stand_in
from rich.console import Console

from bench import machine
from bench.surroundings import running
from faults import table
from faults.command_line import Options, run_all
from faults.harness import Harness, all_cases
from tools import keycloak_dist, pulumi_cli
from tools.problem import run_main


def main() -> None:
    """Run the cases and print their results; exit with code 1 if one has a problem."""
    options = Options.parse("faults", __doc__)
    console = Console(soft_wrap=True, highlight=False)
    cases = options.chosen(all_cases(options.seed))
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
        results = run_all(cases, harness.run, console)
    options.conclude("faults", table.report(results), here.text)


if __name__ == "__main__":
    run_main(main)
