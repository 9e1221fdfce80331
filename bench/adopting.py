"""Measures `kzero-scim adopt` for a tenant that was set up by hand, with many assignments.

`make bench` includes it. To run it alone, with the project's environment: `python -m bench.adopting`.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kzero_sandbox.manual_setup import Variant, make_by_hand
from kzero_sandbox.running import RunningSandbox, Tenant
from rich.console import Console

from bench import figures, projects
from bench.figures import Measure, Sample
from bench.surroundings import environment, running
from tools import azuread_plugin, keycloak_dist, pulumi_cli
from tools.problem import Problem, run_main
from tools.python_env import VENV

_STACK: Final = "adopted"


@dataclass(frozen=True, kw_only=True)
class Adopting:
    """The surroundings of a measured adoption.

    Attributes:
        sandbox: The sandbox with the tenants.
        project: A copy of this project.
        pulumi: The Pulumi CLI.
    """

    sandbox: RunningSandbox
    project: Path
    pulumi: Path

    def once(self, users: int) -> Sample:
        """Set up a new tenant by hand, adopt it, and return the sample of the adoption.

        Args:
            users: Number of further assigned users.

        Raises:
            Problem: The adoption failed.
        """
        with self.sandbox.tenant() as tenant:
            make_by_hand(tenant, Variant.COMPLETE, users=users)
            for client in (tenant.entra, tenant.kzero):
                client.delete("/sandbox/requests").raise_for_status()
            began = time.perf_counter()
            self._run(tenant, VENV / "bin" / "kzero-scim", "adopt", _STACK, "--yes")
            seconds = time.perf_counter() - began
            logs = [
                client.get("/sandbox/requests").raise_for_status().json() for client in (tenant.entra, tenant.kzero)
            ]
            self._run(tenant, self.pulumi, "--non-interactive", "stack", "rm", "--yes", "--force", _STACK)
        return Sample(seconds=seconds, requests=figures.count(*logs))

    def _run(self, tenant: Tenant, *words: str | Path) -> None:
        done = subprocess.run(  # noqa: S603 - the project's own commands, no shell
            words,
            cwd=self.project,
            env=environment(tenant, self.pulumi),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            message = f"{' '.join(map(str, words))} failed:\n{done.stdout}"
            raise Problem(message)


def main() -> None:
    """Measure adoption alone and print the result."""
    parser = argparse.ArgumentParser(prog="bench.adopting", description=__doc__)
    parser.add_argument("--repeat", type=int, default=3, metavar="N", help="number of runs (3)")
    parser.add_argument("--users", type=int, default=1000, metavar="N", help="number of further assigned users (1000)")
    given = parser.parse_args()
    console = Console()
    pulumi = pulumi_cli.set_up()
    os.environ.setdefault("KEYCLOAK_HOME", str(keycloak_dist.home()))
    with tempfile.TemporaryDirectory(prefix="kzero-scim-bench-") as folder, running(Path(folder), console) as sandbox:
        azuread_plugin.install(sandbox.layout.pulumi_home)
        adopting = Adopting(sandbox=sandbox, project=projects.tenant(Path(folder) / "project"), pulumi=pulumi)
        samples = tuple(adopting.once(given.users) for _ in range(given.repeat))
    measure = Measure(program="adopted", operation="adopt", samples=samples)
    requests = measure.requests
    console.print(
        f"adopt, {given.users:,} further assignments: {measure.seconds:.2f} s ({figures.spread(measure)}), "
        f"{requests.own} requests of kzero, {requests.azuread} of azuread",
        highlight=False,
    )


if __name__ == "__main__":
    run_main(main)
