"""`kzero-scim tenant add`: writes a new tenant's stack file. Asks and shows; decides nothing."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from kzero_scim.commands.options import Project
from kzero_scim.tenant.add import interview, write, written_out


def add(  # noqa: PLR0913 - one keyword an option
    name: Annotated[str, typer.Argument(help="The new stack's name.")],
    *,
    project: Project = Path(),
    entra_tenant: Annotated[str, typer.Option(help="Entra tenant id.")] = "",
    kzero_tenant: Annotated[str, typer.Option(help="KZero tenant, exactly as the dashboard shows it.")] = "",
    server: Annotated[str, typer.Option(help="KZero server; by default KZero's cloud.")] = "",
    group: Annotated[list[str] | None, typer.Option(help="A group to provision; may be repeated.")] = None,
    user: Annotated[list[str] | None, typer.Option(help="A user to provision; may be repeated.")] = None,
    application_name: Annotated[str, typer.Option(help="Name of the enterprise application.")] = "",
    notification_email: Annotated[str, typer.Option(help="Whom Entra tells of failures.")] = "",
    test_user: Annotated[str, typer.Option(help="An assigned user to test with.")] = "",
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="Any other setting, KEY=VALUE; lists and objects as JSON.")
    ] = None,
    no_input: Annotated[bool, typer.Option("--no-input", help="Ask nothing, also on a terminal.")] = False,
) -> None:
    """Write a new tenant's stack file, from questions or, without a terminal, from options alone.

    An existing file is never overwritten; secrets are never asked for. Exit code 0 if it is written, 1 if not, with
    every problem of the options at once.
    """
    texts = {
        "azuread:tenantId": entra_tenant,
        "kzero-scim:kzeroTenant": kzero_tenant,
        "kzero-scim:kzeroServerUrl": server,
        "kzero-scim:groups": json.dumps(group) if group else "",
        "kzero-scim:users": json.dumps(user) if user else "",
        "kzero-scim:applicationName": application_name,
        "kzero-scim:notificationEmail": notification_email,
        "kzero-scim:testUser": test_user,
    }
    console = Console()
    further, problems = written_out(setting or ())
    answers = {key: text for key, text in texts.items() if text} | further
    if sys.stdin.isatty() and not no_input:
        answers = interview(answers, _ask, lambda line: console.print(Text(f"  {line}", "yellow"), soft_wrap=True))
    file = write(project, name, answers, problems)
    console.print(f"{file} is written. Next:", markup=False, highlight=False, soft_wrap=True)
    for command, purpose in (
        (f"pulumi stack init {name}", "make the stack"),
        (f"pulumi config set --secret kzero-scim:secretToken -s {name}", "only if KZero gave you a token"),
        (f"kzero-scim doctor {name}", "is anything missing?"),
        (f"pulumi up -s {name}", "preview, then both sides"),
    ):
        console.print(f"  {command:<60} # {purpose}", markup=False, highlight=False, soft_wrap=True)


def _ask(words: str, default: str) -> str:
    answer: str = typer.prompt(words, default=default, show_default=bool(default))
    return answer
