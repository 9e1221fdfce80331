"""Provides the surroundings of a measurement: a sandbox, and the environment of the commands that use it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from kzero_sandbox.processes import SandboxError
from kzero_sandbox.running import RunningSandbox, Tenant, own_sandbox
from rich.console import Console

from tools.problem import Problem
from tools.python_env import VENV

NO_WAIT: Final = {"AZUREAD_STANDIN_POLL_SECONDS": "0"}
"""Makes the azuread stand-in not wait for the application that it creates."""


@contextmanager
def running(folder: Path, console: Console) -> Iterator[RunningSandbox]:
    """Run a sandbox in a folder while the block runs.

    Raises:
        Problem: The sandbox does not start.
    """
    with ExitStack() as ends:
        with console.status("Starting a sandbox"):
            try:
                sandbox = ends.enter_context(own_sandbox(folder / "sandbox"))
            except SandboxError as error:
                raise Problem(str(error)) from error
        yield sandbox


def environment(tenant: Tenant, pulumi: Path, further: Mapping[str, str] = NO_WAIT) -> dict[str, str]:
    """Return the environment of a command that manages a tenant.

    Python may write compiled modules in it. Otherwise every run would compile again what has changed since the packages
    were installed.

    Args:
        tenant: The tenant.
        pulumi: The Pulumi CLI.
        further: Variables that override the tenant's.
    """
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    folders = [str(VENV / "bin"), str(pulumi.parent), os.environ.get("PATH", os.defpath)]
    # The Python language host that this project builds uses the active environment.
    active = {"VIRTUAL_ENV": str(VENV), "PATH": os.pathsep.join(folders)}
    return {**inherited, **tenant.env, **further, **active}
