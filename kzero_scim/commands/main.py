"""The command line ``kzero-scim``. Words for the operator, exit codes for pipelines; no logic of its own."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from kzero_scim import __version__
from kzero_scim.clients.trail import recorded
from kzero_scim.commands.adopt import adopt
from kzero_scim.commands.drift import drift
from kzero_scim.commands.fleet.main import NOT_BEGUN
from kzero_scim.commands.fleet.main import app as fleet
from kzero_scim.commands.options import AsJson, Project, TenantName
from kzero_scim.commands.sandbox import app as sandbox
from kzero_scim.commands.status import status
from kzero_scim.commands.tenant import app as tenant
from kzero_scim.display import one_line, plain, several_lines
from kzero_scim.errors import KzeroScimError, unforeseen

app = typer.Typer(
    help="SCIM provisioning from Microsoft Entra ID to KZero Passwordless, one Pulumi stack a tenant.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
app.command()(status)
app.command()(drift)


def _version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"kzero-scim {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    _show: Annotated[
        bool, typer.Option("--version", callback=lambda value: _version(wanted=value), is_eager=True, help="Show it.")
    ] = False,
) -> None:
    """Hold the options that stand before a command."""


@app.command()
def check(
    tenant: TenantName,
    project: Project = Path(),
    *,
    as_json: AsJson = False,
) -> None:
    """Probe the guide's seven-point validation checklist, live, on both sides.

    Nothing is changed. Exit code 0 if all seven pass, 1 if not, 2 if the check itself could not be made.
    """
    from kzero_scim.stack.stack import Stack  # noqa: PLC0415 - likewise
    from kzero_scim.tenant.check import check as probe  # noqa: PLC0415 - other commands start without the clients

    items = asyncio.run(probe(Stack.load(tenant, project)))
    passed = sum(item.passed for item in items)
    if as_json:
        document = {"tenant": tenant, "passed": passed == len(items), "checklist": [asdict(item) for item in items]}
        typer.echo(json.dumps(document, indent=2))
    else:
        console = Console()
        console.print(Text(f"Validation checklist of {tenant}: {passed} of {len(items)} passed", "bold"))
        for number, item in enumerate(items, 1):
            mark = Text("passed", "green") if item.passed else Text("FAILED", "bold red")
            console.print(Text.assemble(f"{number}  ", mark, f"  {item.item}"))
            console.print(Padding(Text(plain(item.evidence), "dim" if item.passed else ""), (0, 0, 0, 11)))
    if passed < len(items):
        raise typer.Exit(1)


@app.command()
def doctor(
    tenant: Annotated[str | None, typer.Argument(help="A tenant's stack, to look at its credentials too.")] = None,
    project: Project = Path(),
) -> None:
    """Say what is missing on this machine, and which permissions a tenant's credentials lack.

    Exit code 0 if nothing that is needed is missing, else 1.
    """
    from kzero_scim.stack.stack import Stack  # noqa: PLC0415 - likewise
    from kzero_scim.tenant.doctor import (  # noqa: PLC0415 - other commands start without the clients
        Finding,
        examine_credentials,
        examine_locks,
        examine_machine,
    )

    findings: list[Finding] = examine_machine(project)
    if tenant:
        try:
            findings += examine_locks(tenant, project)
            findings += asyncio.run(examine_credentials(Stack.load(tenant, project)))
        except KzeroScimError as error:
            findings.append(Finding(tenant, "missing", str(error)))
    colours = {"ok": "green", "optional": "yellow", "missing": "bold red"}
    table = Table(show_header=False, box=None, pad_edge=False)
    for _ in range(3):
        table.add_column(overflow="fold")
    for finding in findings:
        table.add_row(
            Text(finding.state, colours[finding.state]), plain(finding.subject), Text(several_lines(finding.detail))
        )
    Console().print(table)
    if any(finding.state == "missing" for finding in findings):
        raise typer.Exit(1)


app.command()(adopt)
app.add_typer(tenant, name="tenant")
app.add_typer(fleet, name="fleet")
app.add_typer(sandbox, name="sandbox")


@app.command()
def recover(
    tenant: Annotated[str, typer.Argument(help="The tenant's stack, as in `pulumi stack ls`.")],
    project: Project = Path(),
) -> None:
    """Free a stack after a run that was killed: its lock, and what Pulumi still takes for under way.

    No service is asked anything and no resource is forgotten; `pulumi up` finds what exists already and goes on.
    Refused while the run that holds the lock goes on, or may do so on another machine.
    """
    from kzero_scim.stack.recovery import recover as free  # noqa: PLC0415 - other commands start without it

    done = free(tenant, project)
    for line in done:
        typer.echo(one_line(line))
    typer.echo(f"now run: pulumi up --stack {tenant}" if done else f"stack {tenant} is free; there was nothing to do")


def main() -> None:
    """Run the command line; whatever fails is told in one line and ends with exit code 2, of ``fleet`` with 1."""
    with recorded() as requests:
        try:
            app()
        except KzeroScimError as error:
            typer.echo(f"error: {several_lines(str(error))}", err=True)
        except Exception as error:  # the last resort of every command: one line, no traceback
            if os.environ.get("KZERO_DEBUG") == "1":
                raise
            typer.echo(f"error: {one_line(unforeseen(error, requests))}", err=True)
        else:
            return
    sys.exit(NOT_BEGUN if sys.argv[1:2] == [fleet.info.name] else 2)
