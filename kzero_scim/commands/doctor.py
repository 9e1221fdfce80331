"""``kzero-scim doctor``: prints what is missing. Contains no logic of its own."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kzero_scim.commands.options import Project
from kzero_scim.display import plain, several_lines
from kzero_scim.errors import KzeroScimError
from kzero_scim.exit_codes import ExitCode
from kzero_scim.redaction import redacted
from kzero_scim.stack.stack import Stack, require_known
from kzero_scim.tenant.doctor import Finding, examine_credentials, examine_locks, examine_machine


def doctor(
    tenant: Annotated[str | None, typer.Argument(help="Stack of a tenant, to check its credentials too.")] = None,
    project: Project = Path(),
) -> None:
    """Show which programs and permissions are missing.

    Exit codes: 0 nothing required is missing, 2 something is missing or
    unknown, 1 the command could not run.
    """
    findings: list[Finding] = examine_machine(project)
    if tenant is not None:
        try:
            require_known(tenant, project)
            findings += examine_locks(tenant, project)
            findings += asyncio.run(examine_credentials(Stack.load(tenant, project)))
        except KzeroScimError as error:
            findings.append(Finding(tenant, "missing", str(error)))
    findings = redacted(findings)
    colours = {"ok": "green", "optional": "yellow", "missing": "bold red", "unknown": "yellow"}
    table = Table(show_header=False, box=None, pad_edge=False)
    for _ in range(3):
        table.add_column(overflow="fold")
    console = Console()
    below: list[Text] = []
    for finding in findings:
        state, detail = (finding.state, colours[finding.state]), several_lines(finding.detail)
        if "`" in detail and cell_len(detail) > console.width // 2:
            # A column would break the command that the operator copies.
            below.append(Text.assemble(state, f"  {plain(finding.subject)}: {detail}"))
        else:
            table.add_row(Text.assemble(state), plain(finding.subject), Text(detail))
    console.print(table)
    for line in below:
        console.print(line, soft_wrap=True)
    if any(finding.needs_action for finding in findings):
        raise typer.Exit(ExitCode.ACTION_NEEDED)
