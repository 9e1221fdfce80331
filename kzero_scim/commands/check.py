"""``kzero-scim check``: prints the guide's checklist. Contains no logic of its own."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from pathlib import Path

import typer
from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from kzero_scim.commands.options import AsJson, Project, TenantName
from kzero_scim.display import json_text, plain
from kzero_scim.exit_codes import ExitCode
from kzero_scim.redaction import redacted
from kzero_scim.stack.stack import Stack
from kzero_scim.tenant.check import check as check_tenant

_PASSED, _FAILED, _UNKNOWN = Text("passed", "green"), Text("FAILED", "bold red"), Text("unknown", "yellow")


def check(
    tenant: TenantName,
    project: Project = Path(),
    *,
    as_json: AsJson = False,
) -> None:
    """Check the seven points of the guide's validation checklist.

    Reads both services now. Changes nothing.

    Exit codes: 0 all seven passed, 2 a point has not passed or is unknown, 1
    the check could not run.
    """
    items = redacted(asyncio.run(check_tenant(Stack.load(tenant, project))))
    passed = sum(item.passed for item in items)
    if as_json:
        document = {"tenant": tenant, "passed": passed == len(items), "checklist": [asdict(item) for item in items]}
        typer.echo(json_text(document))
    else:
        console = Console()
        console.print(Text(f"Validation checklist of {plain(tenant)}: {passed} of {len(items)} passed", "bold"))
        for number, item in enumerate(items, 1):
            mark = _UNKNOWN if item.is_unknown else _PASSED if item.passed else _FAILED
            console.print(Text.assemble(f"{number}  ", mark, f"  {item.item}"))
            console.print(Padding(Text(plain(item.evidence), "dim" if item.passed else ""), (0, 0, 0, 11)))
    if passed < len(items):
        raise typer.Exit(ExitCode.ACTION_NEEDED)
