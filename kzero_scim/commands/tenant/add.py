"""`kzero-scim tenant add`: writes a new tenant's stack file. Asks the operator and prints; decides nothing."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.text import Text

from kzero_scim.commands.options import Project
from kzero_scim.display import one_line
from kzero_scim.stack.stack_file import path_of
from kzero_scim.tenant.add import allow_hosts, interview, write, written_out


def add(  # noqa: PLR0913 - one keyword an option
    name: Annotated[str, typer.Argument(help="Name of the new stack.")],
    *,
    project: Project = Path(),
    entra_tenant: Annotated[str, typer.Option(help="Entra tenant ID.")] = "",
    kzero_tenant: Annotated[str, typer.Option(help="KZero tenant, exactly as the dashboard shows it.")] = "",
    server: Annotated[str, typer.Option(help="KZero server (default: KZero's cloud).")] = "",
    group: Annotated[list[str] | None, typer.Option(help="Group to provision. Repeatable.")] = None,
    user: Annotated[list[str] | None, typer.Option(help="User to provision. Repeatable.")] = None,
    application_name: Annotated[str, typer.Option(help="Name of the enterprise application.")] = "",
    notification_email: Annotated[str, typer.Option(help="Address that Entra notifies of failures.")] = "",
    test_user: Annotated[str, typer.Option(help="Assigned user to provision as a test.")] = "",
    setting: Annotated[
        list[str] | None, typer.Option("--set", help="Other setting, KEY=VALUE; lists and objects as JSON. Repeatable.")
    ] = None,
    no_input: Annotated[bool, typer.Option("--no-input", help="Ask no questions, even in a terminal.")] = False,
) -> None:
    """Write the stack file of a new tenant.

    Asks for settings that no option gives; without a terminal, uses the options
    alone. Never overwrites a file and never asks for secrets.

    Exit codes: 0 written, 1 not written. Errors list all problems at once.
    """
    path_of(project, name)  # refuses a name that cannot be a stack's before anything is asked
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
        answers = interview(
            answers, _ask, lambda line: console.print(Text(f"  {one_line(line)}", "yellow"), soft_wrap=True)
        )
    file = write(project, name, answers, problems)
    for line in allow_hosts(project, answers, os.environ):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    console.print(f"Wrote {file}. Next:", markup=False, highlight=False, soft_wrap=True)
    for command, purpose in (
        (f"pulumi stack init {name}", "create the stack"),
        (f"pulumi config set --secret kzero-scim:secretToken -s {name}", "only if KZero gave you a token"),
        (f"kzero-scim doctor {name}", "check programs and permissions"),
        (f"pulumi up -s {name}", "preview, then set up both sides"),
    ):
        console.print(f"  {command:<60} # {purpose}", markup=False, highlight=False, soft_wrap=True)


def _ask(words: str, default: str) -> str:
    answer: str = typer.prompt(words, default=default, show_default=bool(default))
    return answer
