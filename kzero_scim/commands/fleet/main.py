"""``kzero-scim fleet …``: lists its commands. Imports none of them."""

from __future__ import annotations

from typing import ClassVar

import typer

from kzero_scim.commands.lazy_group import LazyGroup

_FLEET = "kzero_scim.commands.fleet"


class _Fleet(LazyGroup):
    members: ClassVar = {
        "preview": f"{_FLEET}.run:preview",
        "up": f"{_FLEET}.run:up",
        "refresh": f"{_FLEET}.run:refresh",
        "drift": f"{_FLEET}.sweep:drift",
        "status": f"{_FLEET}.sweep:status",
        "list": f"{_FLEET}.list:list_",
        "matrix": f"{_FLEET}.matrix:matrix",
        "export": f"{_FLEET}.export:export",
        "report": f"{_FLEET}.report:report",
    }


app = typer.Typer(cls=_Fleet, name="fleet", help="Commands for all tenants of a project.", no_args_is_help=True)
