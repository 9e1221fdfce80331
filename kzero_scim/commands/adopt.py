"""`kzero-scim adopt`: imports a tenant that was set up by hand. Asks the operator and prints; decides nothing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kzero_scim.commands.options import AsJson, Project, TenantName
from kzero_scim.display import json_text, one_line, several_lines
from kzero_scim.errors import AdoptionError, KzeroScimError
from kzero_scim.exit_codes import ExitCode
from kzero_scim.redaction import current, redacted
from kzero_scim.tenant.adopt.adoption import Choose, Difference, Plan, Request, differences, plan_adoption
from kzero_scim.tenant.adopt.adoption import adopt as take_over
from kzero_scim.tenant.adopt.candidates import Candidate

_TAKES_AWAY: Final = ("replace", "delete", "create-replacement", "delete-replaced")


def adopt(  # noqa: PLR0913 - one keyword an option
    tenant: TenantName,
    *,
    project: Project = Path(),
    entra_tenant: Annotated[str, typer.Option(help="Entra tenant ID (default: stack file, ARM_TENANT_ID).")] = "",
    kzero_tenant: Annotated[str, typer.Option(help="KZero tenant (default: stack file, KZERO_REALM).")] = "",
    server: Annotated[str, typer.Option(help="KZero server (default: stack file, KZERO_SERVER_URL).")] = "",
    application: Annotated[str, typer.Option(help="ID or name of the enterprise application.")] = "",
    test_user: Annotated[str, typer.Option(help="Assigned user to provision as a test.")] = "",
    user: Annotated[
        list[str] | None, typer.Option(help="User to assign if the application has no assignments.")
    ] = None,
    group: Annotated[
        list[str] | None, typer.Option(help="Group to assign if the application has no assignments.")
    ] = None,
    rewrite_credentials: Annotated[
        bool, typer.Option(help="Let the next update write the Tenant URL and scope, which Graph hides.")
    ] = False,
    force: Annotated[bool, typer.Option(help="Overwrite a stack file that has other settings.")] = False,
    dry_run: Annotated[bool, typer.Option(help="Show what would be imported; write nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Import a tenant that was set up by hand.

    Writes its stack file and adds its resources to the stack. Changes nothing
    in Entra or KZero.

    Exit codes: 0 adopted, 1 failed or declined.
    """
    where = {
        "azuread:tenantId": entra_tenant,
        "kzero-scim:kzeroTenant": kzero_tenant,
        "kzero-scim:kzeroServerUrl": server,
    }
    request = Request(
        project=project,
        stack=tenant,
        where={key: value for key, value in where.items() if value},
        application=application or None,
        test_user=test_user or None,
        users=user or (),
        groups=group or (),
        force=force,
        rewrite=rewrite_credentials,
    )
    console = Console(stderr=as_json)
    is_asked = sys.stdin.isatty() and not as_json
    plan = plan_adoption(request, _asking(console) if is_asked else _refusing)
    if not as_json:
        _show(console, plan)
    if plan.is_adopted:
        _print_result(console, plan, f"{tenant} is already adopted. Nothing was changed.", as_json=as_json)
        return
    if dry_run:
        if not as_json:
            console.print(f"Would write {plan.file}:\n", markup=False, highlight=False)
            console.print(several_lines(plan.text), markup=False, highlight=False, soft_wrap=True)
        _print_result(console, plan, "Dry run: nothing was written.", as_json=as_json)
        return
    _confirm(tenant, yes=yes, is_asked=is_asked)
    with console.status(f"importing {tenant} into its stack"):
        take_over(plan)
    without = "; ".join(f"{what}: {reason}" for what, reason in plan.survey.left_out.items())
    done = (
        f"Adopted a part of {tenant}: {plan.file}. Not adopted: {without}"
        if without
        else f"Adopted {tenant}: {plan.file}"
    )
    _print_result(console, plan, done, as_json=as_json, previewed=True)


def _confirm(tenant: str, *, yes: bool, is_asked: bool) -> None:
    if yes:
        return
    if not is_asked:
        message = f"adopting {tenant} needs a confirmation, and there is no terminal to ask on; add --yes or --dry-run"
        raise AdoptionError(message)
    if not typer.confirm(f"Import this into stack {tenant}? Neither side will be changed."):
        raise typer.Exit(ExitCode.FAILED)


def _refusing(candidates: Sequence[Candidate]) -> Candidate:
    listed = "; ".join(
        f'"{item.name}" (--application {item.service_principal_id}: {item.evidence})' for item in candidates
    )
    message = f"{len(candidates)} applications may be KZero's; choose one with --application: {listed}"
    raise AdoptionError(message)


def _asking(console: Console) -> Choose:
    def choose(candidates: Sequence[Candidate]) -> Candidate:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in ("", "application", "service principal", "evidence"):
            table.add_column(heading, overflow="fold")
        for place, item in enumerate(redacted(list(candidates)), 1):
            table.add_row(
                str(place),
                Text(one_line(item.name)),
                one_line(item.service_principal_id),
                Text(one_line(item.evidence)),
            )
        console.print(table)
        while True:
            number: int = typer.prompt("Which application is KZero's?", type=int)
            if 1 <= number <= len(candidates):
                return candidates[number - 1]
            console.print(f"enter a number from 1 to {len(candidates)}")

    return choose


def _show(console: Console, plan: Plan) -> None:
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(style="bold")
    table.add_column()
    table.add_column(overflow="fold")
    before = ""
    for line in redacted(plan.survey.lines):
        found = Text(one_line(line.found))
        if line.remark:
            found.append(f"\n{one_line(line.remark)}", "dim")
        table.add_row("" if line.side == before else line.side, line.what, found)
        before = line.side
    console.print(table)


def _print_result(console: Console, plan: Plan, message: str, *, as_json: bool, previewed: bool = False) -> None:
    """Print the result, with the differences that the next update would remove."""
    found: list[Difference] | None = None
    problem = ""
    if previewed:
        try:
            with console.status("previewing"):
                found = redacted(differences(plan.request.project, plan.request.stack))
        except KzeroScimError as error:
            problem = current().line(str(error))
    if as_json:
        document = {
            "tenant": plan.request.stack,
            "adopted": plan.is_adopted or (previewed and not plan.survey.left_out),
            "leftOut": redacted(plan.survey.left_out),
            "file": str(plan.file),
            "found": [asdict(line) for line in redacted(plan.survey.lines)],
            "application": redacted(asdict(plan.survey.application)),
            "differences": [asdict(item) for item in found] if found is not None else None,
            "previewFailed": problem or None,
        }
        typer.echo(json_text(document))
        return
    console.print(Text(one_line(message), "bold"), soft_wrap=True)
    if problem:
        console.print(Text(several_lines(f"Could not preview the stack: {problem}"), "yellow"), soft_wrap=True)
    if found is None:
        return
    console.print(
        f"The next `pulumi up -s {plan.request.stack}` would:" if found else "The next update would change nothing."
    )
    for item in found:
        style = "bold red" if item.op in _TAKES_AWAY else ""
        properties = f": {one_line(', '.join(item.properties))}" if item.properties else ""
        console.print(Text.assemble((f"  {item.op} {one_line(item.resource)}", style), properties), soft_wrap=True)
