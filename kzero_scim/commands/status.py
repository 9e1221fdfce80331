"""``kzero-scim status``: prints a tenant's provisioning health. Contains no logic of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kzero_scim.commands.options import AsJson, Project, TenantName
from kzero_scim.display import json_text, one_line
from kzero_scim.entra.job_health import Word
from kzero_scim.entra.synchronization_job import Cycle
from kzero_scim.exit_codes import ExitCode
from kzero_scim.provider.audit_events import to_second
from kzero_scim.redaction import redacted
from kzero_scim.stack.stack import Stack
from kzero_scim.tenant.status import TenantStatus, read_status

MOST_SHOWN = 20
"""How many users in error are listed. --json has all."""

_COUNTS = {"imported": "read", "entitled": "in scope", "exported": "written", "escrowed": "failed"}


def status(tenant: TenantName, project: Project = Path(), *, as_json: AsJson = False) -> None:
    """Show provisioning health.

    Reports quarantine, the last cycles, synchronized entries and users in
    error. Changes nothing.

    Exit codes: 0 healthy, or off as the stack says, 2 anything else that Entra
    shows (quarantine, paused, failed cycles, an old last cycle, users in error,
    no cycle yet), 1 a service could not be
    asked, or the stack is not set up.
    """
    found = redacted(asyncio.run(read_status(Stack.load(tenant, project))))
    if as_json:
        typer.echo(json_text({"tenant": tenant, **found.report().document()}))
    else:
        _show(tenant, found)
    if not found.health.needs_no_action:
        raise typer.Exit(ExitCode.ACTION_NEEDED)


def _show(tenant: str, found: TenantStatus) -> None:
    console = Console()
    health = found.health
    colour = "green" if health.needs_no_action else "yellow" if health.word is Word.UNKNOWN else "bold red"
    console.print(Text.assemble((f"Provisioning of {one_line(tenant)}: ", "bold"), (health.word, colour)))
    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for name, text in _lines(found):
        table.add_row(name, Text(one_line(text)))
    console.print(table)
    for item in found.log.in_error[:MOST_SHOWN]:
        head = Text(f"  {one_line(item.name)}", "red")
        console.print(
            Text.assemble(
                head, f"  {one_line(item.kind)}, {one_line(item.action)} failed at {one_line(to_second(item.at))}"
            ),
            soft_wrap=True,
        )
        said = ": ".join(part for part in (item.code, item.message) if part)
        console.print(Text(f"    {one_line(said)}"), soft_wrap=True)
    if len(found.log.in_error) > MOST_SHOWN:
        console.print(f"  and {len(found.log.in_error) - MOST_SHOWN} more; --json has all")


def _lines(found: TenantStatus) -> Iterator[tuple[str, str]]:
    job, quarantine = found.job, found.job.quarantine
    if found.health.reason:
        yield "reason", found.health.reason
    yield "job", f"{job.job_id}, {job.schedule_state or 'state unknown'}{'' if found.wanted else ', off in the stack'}"
    if quarantine is not None:
        since = f" since {quarantine.began}" if quarantine.began else ""
        yield "quarantine", f"{quarantine.reason}{since}"
        if quarantine.series_began and quarantine.series_began != quarantine.began:
            yield "first time", f"{quarantine.series_began}, {quarantine.series_count or 'several'} in a row"
        first = ": ".join(part for part in (quarantine.error_code, quarantine.error_message) if part)
        yield "first error", first or "unknown (Entra gives none)"
    if job.last_cycle is not None and job.last_cycle.error:
        yield "last error", job.last_cycle.error
    if job.successive_failures:
        yield "failed", f"{job.successive_failures} whole cycles in a row"
    if quarantine is not None:
        yield "next attempt", quarantine.next_attempt or "unknown (Entra gives none)"
        yield "what to do", quarantine.what_to_do or ""
    yield "last cycle", _cycle(job.last_cycle)
    yield "last success", _cycle(job.last_successful_cycle)
    yield "last change", _cycle(job.last_successful_cycle_with_exports)
    entries = ", ".join(f"{number} {kind}" for kind, number in job.synchronized_entries.items())
    yield "entries", entries or "none"
    yield "in error", str(len(found.log.in_error)) if found.log.read else "unknown"
    if found.log.note:
        yield "note", found.log.note


def _cycle(cycle: Cycle | None) -> str:
    if cycle is None:
        return "none yet"
    counts = ", ".join(f"{cycle.counts[name]} {word}" for name, word in _COUNTS.items() if name in cycle.counts)
    return f"{cycle.ended or cycle.began or ''} {cycle.state}{f': {counts}' if counts else ''}".strip()
