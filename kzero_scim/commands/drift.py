"""``kzero-scim drift``: prints what someone changed by hand. Contains no logic of its own."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, Final

import typer
from rich.console import Console
from rich.text import Text

from kzero_scim.commands.options import AsJson, Project, TenantName
from kzero_scim.display import json_text, one_line, several_lines
from kzero_scim.exit_codes import ExitCode
from kzero_scim.redaction import redacted
from kzero_scim.stack.stack import Stack
from kzero_scim.tenant.drift import Difference, Drift, find_drift

_LONGEST: Final = 120
"""Longest value shown, in characters. --json has the whole value."""


def drift(tenant: TenantName, project: Project = Path(), *, as_json: AsJson = False) -> None:
    """Show changes that someone made by hand on either side.

    Prints resource, property, old -> new value, and if known who changed it and
    when. Changes nothing.

    Exit codes: 0 nothing differs, 3 something differs, 1 a side could not be
    asked, or the stack is not set up.
    """
    found = redacted(asyncio.run(find_drift(Stack.load(tenant, project))))
    if as_json:
        typer.echo(json_text({"tenant": tenant, **found.document()}))
    else:
        _show(tenant, found)
    for line in found.unasked:
        typer.echo(f"error: {several_lines(line)}", err=True)
    if found.unasked or found.differences:
        raise typer.Exit(ExitCode.FAILED if found.unasked else ExitCode.DRIFT)


def _show(tenant: str, found: Drift) -> None:
    console = Console()
    console.print(Text.assemble((f"Drift of {one_line(tenant)}: ", "bold"), _verdict(found)))
    for difference in found.differences:
        console.print(_line(difference), soft_wrap=True)
    for note in found.notes:
        console.print(Text(f"note: {one_line(note)}", "yellow"), soft_wrap=True)


def _verdict(found: Drift) -> Text:
    """Return what was found. Nothing differs only if everything was compared."""
    number = len(found.differences)
    counted = f"{number} {'difference' if number == 1 else 'differences'}"
    if found.unasked:
        return Text(f"{counted}, the rest is unknown" if number else "unknown", "bold red")
    return Text(counted, "bold red") if number else Text("nothing differs", "green")


def _line(difference: Difference) -> Text:
    what = f"{one_line(difference.resource)}  {one_line(difference.property) or '(whole)'}"
    traced = f"  {one_line(difference.who)}, {difference.when}" if difference.who else ""
    values = f"{_value(difference.was)} -> {_value(difference.now)}"
    return Text.assemble((what, "bold"), f"  {values}", (traced, "dim"))


def _value(value: Any) -> str:  # noqa: ANN401 - any JSON
    if value is None:
        return "(none)"
    text = one_line(value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
