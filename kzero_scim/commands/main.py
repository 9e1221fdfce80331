"""The command line ``kzero-scim``: lists the commands and reports failures. Imports no command."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Mapping
from typing import Annotated, ClassVar

import typer

from kzero_scim import __version__
from kzero_scim.clients.trail import recorded
from kzero_scim.commands.fleet.main import app as fleet
from kzero_scim.commands.lazy_group import LazyGroup
from kzero_scim.commands.safe_output import safe_output
from kzero_scim.commands.sandbox.main import app as sandbox
from kzero_scim.commands.tenant.main import app as tenant
from kzero_scim.display import one_line, several_lines
from kzero_scim.errors import KzeroScimError, unforeseen
from kzero_scim.exit_codes import ExitCode
from kzero_scim.redaction import Redactor, using

_HERE = "kzero_scim.commands"


class _Root(LazyGroup):
    members: ClassVar = {
        "status": f"{_HERE}.status:status",
        "drift": f"{_HERE}.drift:drift",
        "check": f"{_HERE}.check:check",
        "doctor": f"{_HERE}.doctor:doctor",
        "adopt": f"{_HERE}.adopt:adopt",
        "recover": f"{_HERE}.recover:recover",
        "tenant": tenant,
        "fleet": fleet,
        "sandbox": sandbox,
    }


app = typer.Typer(
    cls=_Root,
    help="SCIM provisioning from Microsoft Entra ID to KZero Passwordless, with one Pulumi stack per tenant.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


def _version(*, wanted: bool) -> None:
    if wanted:
        typer.echo(f"kzero-scim {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    *,
    _show: Annotated[
        bool,
        typer.Option(
            "--version", callback=lambda value: _version(wanted=value), is_eager=True, help="Show the version and exit."
        ),
    ] = False,
) -> None:
    """Define the options that come before a command."""


def _common(environment: Mapping[str, str]) -> dict[str, str]:
    """Leave out variables ``<NAME>__<TENANT>``: each tenant's redactor knows its own, and there may be thousands."""
    return {name: value for name, value in environment.items() if "__" not in name}


def main() -> None:
    """Run the command line. Report any failure in one line and exit with 1."""
    with using(Redactor.of(_common(os.environ))) as redactor, safe_output(redactor), recorded() as requests:
        try:
            app()
        except KzeroScimError as error:
            typer.echo(f"error: {several_lines(redactor.line(str(error)))}", err=True)
        except Exception as error:  # noqa: BLE001 - the last resort of every command: one line, no traceback
            if os.environ.get("KZERO_DEBUG") == "1":
                typer.echo("".join(traceback.format_exception(error)), err=True)
            typer.echo(f"error: {one_line(redactor.line(unforeseen(error, requests)))}", err=True)
        else:
            return
    sys.exit(ExitCode.FAILED)
