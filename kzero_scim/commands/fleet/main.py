"""``kzero-scim fleet …``: many tenants at once, in words for the operator. No logic of its own."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup

from kzero_scim.commands.fleet.export import export
from kzero_scim.commands.fleet.list import list_
from kzero_scim.commands.fleet.matrix import matrix
from kzero_scim.commands.fleet.report import report
from kzero_scim.commands.fleet.run import preview, refresh, up
from kzero_scim.commands.fleet.sweep import drift, status

NOT_BEGUN = 1
"""Exit code where a command could not be begun. Elsewhere that is 2, which here says that something would change."""


class _Fleet(TyperGroup):
    def invoke(self, ctx: typer.Context) -> Any:  # type: ignore[override] # noqa: ANN401 - the base class's, not public
        try:
            return super().invoke(ctx)
        except Exception as error:
            # Of typer's own errors about how a command is written; their class is not public.
            if hasattr(error, "format_message"):
                error.exit_code = NOT_BEGUN  # type: ignore[attr-defined] # likewise
            raise


app = typer.Typer(name="fleet", help="All tenants of a project at once.", no_args_is_help=True, cls=_Fleet)
app.command()(preview)
app.command()(up)
app.command()(refresh)
app.command()(drift)
app.command()(status)
app.command("list")(list_)
app.command()(matrix)
app.command()(export)
app.command()(report)
