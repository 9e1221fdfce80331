"""The demo: sets up one tenant in the sandbox with a real `pulumi up`, then runs the guide's checklist.

`make demo` prepares the machine and runs it. With the project's environment: `python -m tools.demo`.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from kzero_sandbox.addresses import Ports
from kzero_sandbox.layout import Layout

from tools import azuread_plugin, keycloak_dist, pulumi_cli, sandbox_ports
from tools.cache import CHECKOUT
from tools.problem import Problem, run_main
from tools.python_env import VENV

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

STACK = "sandbox"
SANDBOX = CHECKOUT / ".sandbox"
COMMAND = VENV / "bin" / "kzero-scim"


def exported(text: str) -> dict[str, str]:
    """Return the variables that a file of `export NAME=value` lines sets. Values are quoted as in a shell.

    Args:
        text: The file's content.

    Raises:
        Problem: A line has another form.
    """
    variables = {}
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        if not words:
            continue
        name, equals, value = words[-1].partition("=")
        if words[:-1] != ["export"] or not equals:
            msg = f"not a line of the form export NAME=value: {line.partition('=')[0]}"
            raise Problem(msg)
        variables[name] = value
    return variables


def sandbox_environment(program: Path) -> dict[str, str]:
    """Return the environment that makes Pulumi use the sandbox.

    Args:
        program: The Pulumi CLI.

    Raises:
        Problem: The sandbox has not written its variables.
    """
    file = SANDBOX / "env"
    if not file.exists():
        msg = f"the sandbox is running, but {file} is missing; stop it with make clean and try again"
        raise Problem(msg)
    folders = [str(VENV / "bin"), str(program.parent), os.environ.get("PATH", os.defpath)]
    return {
        **os.environ,
        **exported(file.read_text(encoding="utf-8")),
        # The Python language host that this project builds uses the active environment.
        "VIRTUAL_ENV": str(VENV),
        "PATH": os.pathsep.join(folders),
    }


def _do(title: str, command: Sequence[str | Path], env: dict[str, str], folder: Path = CHECKOUT) -> None:
    words = [str(part) for part in command]
    shown = " ".join([Path(words[0]).name, *words[1:]])
    print(f"\n== {title}: {shown}", flush=True)
    done = subprocess.run(words, cwd=folder, env=env, stdin=subprocess.DEVNULL, check=False)  # noqa: S603 - our own
    code = done.returncode
    if code:
        msg = (
            f"{shown} failed with exit code {code}; see the logs in {SANDBOX / 'logs'}. `make clean` stops the sandbox"
        )
        raise Problem(msg)


def _project(environment: Mapping[str, str]) -> Path:
    """Return the folder whose stack file names the sandbox's addresses: the checkout, or the sandbox's own project."""
    usual = f"https://localhost:{Ports.kzero}", f"localhost:{Ports.entra}"
    here = environment["KZERO_SERVER_URL"], environment["ARM_METADATA_HOSTNAME"]
    return CHECKOUT if here == usual else Layout(SANDBOX).own_project


def main() -> None:
    """Run the demo. The sandbox keeps running."""
    began = time.monotonic()
    program = pulumi_cli.set_up()
    up: list[str | Path] = [COMMAND, "sandbox", "up", *sandbox_ports.options(SANDBOX)]
    _do("Start the sandbox", up, {**os.environ, "KEYCLOAK_HOME": str(keycloak_dist.home())})
    environment = sandbox_environment(program)
    print(f"\nUsing {azuread_plugin.install(Path(environment['PULUMI_HOME'])).text}", flush=True)
    pulumi: list[str | Path] = [program, "--non-interactive"]
    folder = _project(environment)
    _do("Create the stack", [*pulumi, "stack", "select", "--create", STACK], environment, folder)
    _do("Set up both sides of the tenant", [*pulumi, "up", "--yes", "--stack", STACK], environment, folder)
    _do("Run the guide's checklist", [COMMAND, "check", STACK], environment, folder)
    option = "" if folder == CHECKOUT else " -d .."
    there = "" if folder == CHECKOUT else f" && cd {folder.relative_to(CHECKOUT)}"
    print(
        f"\nThe demo took {time.monotonic() - began:.0f} s. The sandbox is still running. To explore it:\n"
        f"    source .venv/bin/activate && source .sandbox/env{there}\n"
        f"    pulumi stack output --stack {STACK}        shows the tenant's outputs\n"
        f"    pulumi preview --refresh --stack {STACK}   shows drift on both sides (none now)\n"
        f"    kzero-scim sandbox status{option}             shows the sandbox's services\n"
        f"    kzero-scim sandbox cycle{option}              starts a provisioning cycle\n"
        "To stop the sandbox and remove its files: make clean"
    )
    sys.stdout.flush()


if __name__ == "__main__":
    run_main(main)
