"""`kzero-scim tenant …`: lists its commands. Imports none of them."""

from __future__ import annotations

from typing import ClassVar

import typer

from kzero_scim.commands.lazy_group import LazyGroup


class _Tenant(LazyGroup):
    members: ClassVar = {"add": "kzero_scim.commands.tenant.add:add"}


app = typer.Typer(cls=_Tenant, name="tenant", help="Commands for a project's tenants.", no_args_is_help=True)
