"""`kzero-scim sandbox …`: lists its commands. Imports none of them: pipelines do not install the sandbox."""

from __future__ import annotations

from typing import ClassVar

import typer

from kzero_scim.commands.lazy_group import LazyGroup

_COMMANDS = "kzero_scim.commands.sandbox.commands"


class _Sandbox(LazyGroup):
    members: ClassVar = {
        "up": f"{_COMMANDS}:up",
        "break": f"{_COMMANDS}:break_",
        "replicate": f"{_COMMANDS}:replicate",
        "down": f"{_COMMANDS}:down",
        "status": f"{_COMMANDS}:status",
        "cycle": f"{_COMMANDS}:cycle",
        "manual-setup": f"{_COMMANDS}:manual_setup",
        "env": f"{_COMMANDS}:env",
    }
    needs: ClassVar = "the sandbox's own dependencies are missing: run `make setup`"


app = typer.Typer(
    cls=_Sandbox,
    name="sandbox",
    help="A local Entra ID and a local KZero (a real Keycloak), to try everything without an account.",
    no_args_is_help=True,
)
