"""``kzero-scim fleet …``: many tenants at once, in words for the operator. No logic of its own."""

from __future__ import annotations

import json
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table

from kzero_scim.cli_options import AsJson, Project
from kzero_scim.display import one_line
from kzero_scim.fleet.cli_export import export
from kzero_scim.fleet.cli_matrix import matrix
from kzero_scim.fleet.cli_report import report
from kzero_scim.fleet.cli_run import preview

app = typer.Typer(name="fleet", help="All tenants of a project at once.", no_args_is_help=True)
app.command()(preview)
app.command()(matrix)
app.command()(export)
app.command()(report)


@app.command("list")
def list_(project: Project = Path(), *, as_json: AsJson = False) -> None:
    """List the tenants with their tags."""
    from kzero_scim.fleet.project import FleetProject  # noqa: PLC0415 - other commands start without the settings

    found = FleetProject.load(project).tenants.values()
    if as_json:
        typer.echo(json.dumps([{"tenant": item.name, "tags": item.tags} for item in found], indent=2))
        return
    table = Table(box=None, pad_edge=False)
    table.add_column("tenant")
    table.add_column("tags")
    for item in found:
        table.add_row(one_line(item.name), one_line(item.problem or ", ".join(item.tags)))
    Console().print(table)
