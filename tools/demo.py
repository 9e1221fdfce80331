"""The demo: a local Entra, a local KZero, a real `pulumi up` between them, and the guide's validation checklist.

Run it with the project's environment, as `python -m tools.demo`; `make demo` prepares everything and does so.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tools import azuread_plugin, keycloak_dist, pulumi_cli
from tools.cache import CHECKOUT
from tools.problem import Problem, run_main
from tools.python_env import VENV

if TYPE_CHECKING:
    from collections.abc import Sequence

STACK = "sandbox"
SANDBOX = CHECKOUT / ".sandbox"
COMMAND = VENV / "bin" / "kzero-scim"


def exported(text: str) -> dict[str, str]:
    """Give the variables that a file of `export NAME=value` lines, quoted as a shell reads them, would set."""
    variables = {}
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        if not words:
            continue
        name, equals, value = words[-1].partition("=")
        if words[:-1] != ["export"] or not equals:
            msg = f"not a line of the kind export NAME=value: {line.partition('=')[0]}"
            raise Problem(msg)
        variables[name] = value
    return variables


def sandbox_environment(program: Path) -> dict[str, str]:
    """Give the environment in which Pulumi meets the sandbox and nothing else."""
    file = SANDBOX / "env"
    if not file.exists():
        msg = f"the sandbox is up but has left no {file}"
        raise Problem(msg)
    folders = [str(VENV / "bin"), str(program.parent), os.environ.get("PATH", os.defpath)]
    return {
        **os.environ,
        **exported(file.read_text(encoding="utf-8")),
        # The language host that is built takes its Python from the active environment.
        "VIRTUAL_ENV": str(VENV),
        "PATH": os.pathsep.join(folders),
    }


def _do(title: str, command: Sequence[str | Path], env: dict[str, str]) -> None:
    words = [str(part) for part in command]
    shown = " ".join([Path(words[0]).name, *words[1:]])
    print(f"\n== {title}: {shown}", flush=True)
    done = subprocess.run(words, cwd=CHECKOUT, env=env, stdin=subprocess.DEVNULL, check=False)  # noqa: S603 - our own
    code = done.returncode
    if code:
        msg = f"{shown}: exit code {code}; the sandbox's logs are in {SANDBOX / 'logs'}, and `make clean` stops it"
        raise Problem(msg)


def main() -> None:
    """Run the demo and leave the sandbox running."""
    began = time.monotonic()
    program = pulumi_cli.set_up()
    _do("The sandbox", [COMMAND, "sandbox", "up"], {**os.environ, "KEYCLOAK_HOME": str(keycloak_dist.home())})
    environment = sandbox_environment(program)
    print(f"\nUsing {azuread_plugin.install(Path(environment['PULUMI_HOME'])).text}", flush=True)
    pulumi: list[str | Path] = [program, "--non-interactive"]
    _do("The stack", [*pulumi, "stack", "select", "--create", STACK], environment)
    _do("Both sides of the tenant", [*pulumi, "up", "--yes", "--stack", STACK], environment)
    _do("The guide's validation checklist, probed live", [COMMAND, "check", STACK], environment)
    print(
        f"\nThe demo took {time.monotonic() - began:.0f} s. The sandbox is still running. To look around:\n"
        "    source .venv/bin/activate && source .sandbox/env\n"
        f"    pulumi stack output --stack {STACK}        what the stack knows about its tenant\n"
        f"    pulumi preview --refresh --stack {STACK}   drift on either side; there is none now\n"
        "    kzero-scim sandbox status             what runs where\n"
        "    kzero-scim sandbox cycle              a provisioning cycle of the local Entra, now\n"
        "To stop it and remove what it left: make clean"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    run_main(main)
