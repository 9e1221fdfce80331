"""``kzero-scim fleet …``: many tenants at once, in words for the operator. No logic of its own."""

from __future__ import annotations

import typer

from kzero_scim.fleet.cli_export import export
from kzero_scim.fleet.cli_list import list_
from kzero_scim.fleet.cli_matrix import matrix
from kzero_scim.fleet.cli_report import report
from kzero_scim.fleet.cli_run import preview, refresh, up
from kzero_scim.fleet.cli_sweep import drift, status

app = typer.Typer(name="fleet", help="All tenants of a project at once.", no_args_is_help=True)
app.command()(preview)
app.command()(up)
app.command()(refresh)
app.command()(drift)
app.command()(status)
app.command("list")(list_)
app.command()(matrix)
app.command()(export)
app.command()(report)
