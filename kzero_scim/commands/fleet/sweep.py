"""``kzero-scim fleet drift | status``: starts sweeps and prints them. Contains no logic of its own."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Annotated

import typer
from rich.console import Console

from kzero_scim.commands.fleet.options import SelectAgainOptions, WrittenReports
from kzero_scim.commands.fleet.progress import Lines, Screen
from kzero_scim.commands.fleet.summary_table import print_closing
from kzero_scim.commands.option_blocks import with_option_blocks
from kzero_scim.commands.options import AsJson, finite
from kzero_scim.fleet.model import Command, FleetRun
from kzero_scim.fleet.project import FleetProject
from kzero_scim.fleet.report import reports
from kzero_scim.fleet.sweep.sweep_run import Sweeping, drift_run, status_run

Parallel = Annotated[int, typer.Option(min=1, max=256, help="Tenants to read at once.")]
Timeout = Annotated[float, typer.Option(min=1, callback=finite, help="Stop reading a tenant after this many seconds.")]
NoEngine = Annotated[bool, typer.Option("--no-engine", help="Do not preview what the next up would do about drift.")]
Checklist = Annotated[
    bool,
    typer.Option("--checklist", help="Also check the seven points. The connection test needs write permission."),
]
_AT_ONCE = 16
_SECONDS = 300.0


@with_option_blocks
def drift(  # noqa: PLR0913 - one keyword an option
    select: SelectAgainOptions,
    written: WrittenReports,
    *,
    parallel: Parallel = _AT_ONCE,
    timeout: Timeout = _SECONDS,
    no_engine: NoEngine = False,
    as_json: AsJson = False,
) -> None:
    """Find changes that someone made by hand.

    Compares what each stack last applied with what both services hold now. For
    tenants that differ, previews what the next up would do. Changes nothing and
    needs only read permissions.

    Exit codes: 0 nothing differs, 3 something differs, 1 a tenant failed or was
    skipped.
    """
    files = written.options()
    files.check()
    console = Console(stderr=as_json or files.prints)
    fleet = FleetProject.load(select.project)
    how = Sweeping(
        environment=os.environ,
        parallel=parallel,
        timeout=timeout,
        watch=_watching(console),
        is_engine_asked=not no_engine,
    )
    run = drift_run(fleet, select.selected(fleet), how)
    _finish(run, console, files, as_json=as_json)


@with_option_blocks
def status(  # noqa: PLR0913 - one keyword an option
    select: SelectAgainOptions,
    written: WrittenReports,
    *,
    parallel: Parallel = _AT_ONCE,
    timeout: Timeout = _SECONDS,
    checklist: Checklist = False,
    as_json: AsJson = False,
) -> None:
    """Show provisioning health.

    Reports quarantine, paused provisioning, failed or missing cycles and users
    in error. Changes nothing.

    Exit codes: 0 all tenants are healthy, 2 a tenant is unhealthy or its health
    is unknown, 1 a tenant failed or was skipped.
    """
    files = written.options()
    files.check()
    console = Console(stderr=as_json or files.prints)
    fleet = FleetProject.load(select.project)
    how = Sweeping(
        environment=os.environ, parallel=parallel, timeout=timeout, watch=_watching(console), is_checked=checklist
    )
    run = status_run(fleet, select.selected(fleet), how)
    _finish(run, console, files, as_json=as_json)


def _watching(console: Console) -> Callable[[Command, int], Lines]:
    def watch(command: Command, total: int) -> Lines:
        if command is Command.PREVIEW:
            differ = "1 tenant differs" if total == 1 else f"{total} tenants differ"
            console.print(f"{differ}. Previewing what the next up would do:", highlight=False)
        return Screen(console, total, command) if console.is_terminal else Lines(console, total, command)

    return watch


def _finish(run: FleetRun, console: Console, files: reports.ReportOptions, *, as_json: bool) -> None:
    print_closing(console, run)
    reports.write_reports(run, files)
    if as_json:
        reports.write(reports.STANDARD_OUTPUT, reports.as_json(run.document()))
    if run.exit_code:
        raise typer.Exit(run.exit_code)
