"""``kzero-scim fleet list``: prints the selected tenants and their credentials. Contains no logic of its own."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from kzero_scim.commands.fleet.options import SelectAgainOptions
from kzero_scim.commands.option_blocks import with_option_blocks
from kzero_scim.commands.options import AsJson
from kzero_scim.display import json_text, one_line
from kzero_scim.exit_codes import ExitCode
from kzero_scim.fleet.credentials.credential_check import CredentialCheck, check_credentials
from kzero_scim.fleet.credentials.credentials import Credentials
from kzero_scim.fleet.project import FleetProject, FleetTenant


@with_option_blocks
def list_(
    select: SelectAgainOptions,
    *,
    credentials: Annotated[
        bool,
        typer.Option("--credentials", help="Show which credentials each tenant has or lacks, never a value."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """List tenants with their tags or credentials.

    Does not sign in.

    Exit codes: 0 done, 2 a tenant lacks a credential, 1 a stack file could not
    be read, or the command could not run.
    """
    fleet = FleetProject.load(select.project)
    found = select.selected(fleet)
    if not credentials:
        _tenants(found, as_json=as_json)
        if any(tenant.problem for tenant in found):
            raise typer.Exit(ExitCode.FAILED)
        return
    checks = check_credentials(found, Credentials(fleet, os.environ))
    _credentials(checks, as_json=as_json)
    if not all(check.is_complete for check in checks):
        raise typer.Exit(ExitCode.ACTION_NEEDED)


def _tenants(found: Sequence[FleetTenant], *, as_json: bool) -> None:
    if as_json:
        document = [{"tenant": item.name, "tags": item.tags, "problem": item.problem} for item in found]
        typer.echo(json_text(document))
        return
    table = _table("tenant", "tags")
    for item in found:
        table.add_row(one_line(item.name), one_line(item.problem or ", ".join(item.tags)))
    Console().print(table, markup=False)


def _credentials(checks: Sequence[CredentialCheck], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json_text([asdict(check) for check in checks]))
        return
    table = _table("tenant", "variables from", "Entra sign-in", "KZero sign-in", "missing")
    for check in checks:
        sources = "\n".join(one_line(f"{source}: {', '.join(names)}") for source, names in check.sources.items())
        missing = one_line(check.problem) or "\n".join(map(one_line, check.missing))
        table.add_row(one_line(check.tenant), sources, one_line(check.entra), one_line(check.kzero), missing)
    Console().print(table, markup=False)
    for warning in dict.fromkeys(warning for check in checks for warning in check.warnings):
        typer.echo(one_line(warning), err=True)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
