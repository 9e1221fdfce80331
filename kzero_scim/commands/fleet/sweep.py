"""``kzero-scim fleet drift | status``: in words for the operator. No logic of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from kzero_scim.commands.fleet.options import (
    ChangedSince,
    Failed,
    FailedIn,
    Names,
    OneShard,
    Tags,
    selected,
    selection_of,
)
from kzero_scim.commands.fleet.report_options import CommentFile, JunitFile, Limit, Link
from kzero_scim.commands.options import AsJson, Project

if TYPE_CHECKING:
    from collections.abc import Callable

    from kzero_scim.commands.fleet.progress import Lines
    from kzero_scim.fleet.model import Command, FleetRun
    from kzero_scim.fleet.report.reports import ReportOptions

Parallel = Annotated[int, typer.Option(min=1, max=256, help="How many tenants are looked at at once.")]
Timeout = Annotated[float, typer.Option(min=1, help="Seconds after which a tenant is given up.")]
NoEngine = Annotated[
    bool, typer.Option("--no-engine", help="Do not ask Pulumi's engine what an up would do about the drift.")
]
Checklist = Annotated[
    bool,
    typer.Option("--checklist", help="Also probe the seven points; Entra tests the connection, a permission to write."),
]
_AT_ONCE = 16
_SECONDS = 300.0


def drift(  # noqa: PLR0913 - one keyword an option
    tenants: Names = None,
    *,
    project: Project = Path(),
    tags: Tags = None,
    changed_since: ChangedSince = "",
    failed: Failed = False,
    failed_in: FailedIn = None,
    shard: OneShard = "",
    parallel: Parallel = _AT_ONCE,
    timeout: Timeout = _SECONDS,
    no_engine: NoEngine = False,
    comment: CommentFile = "",
    junit: JunitFile = "",
    limit: Limit = "github",
    link: Link = "",
    as_json: AsJson = False,
) -> None:
    """Find what somebody changed behind the stacks' back, in all tenants at once. Changes nothing.

    Needs no permission to write. Compares what was last applied with what both services say now, without an engine; for
    tenants that differ, the engine says what an up would do about it. Exit code 0 if nothing differs, 3 if something
    does, 1 if a tenant could not be asked.
    """
    from kzero_scim.fleet.project import FleetProject  # noqa: PLC0415 - other commands start without the clients
    from kzero_scim.fleet.sweep.sweep_run import Sweeping, drift_run  # noqa: PLC0415

    reports = _reports(comment, junit, limit, link)
    console = Console(stderr=as_json or reports.prints)
    fleet = FleetProject.load(project)
    selection = selection_of(tenants, tags, changed_since, shard, failed=failed, failed_in=failed_in)
    how = Sweeping(
        environment=os.environ,
        parallel=parallel,
        timeout=timeout,
        watch=_watching(console),
        is_engine_asked=not no_engine,
    )
    run = drift_run(fleet, selected(fleet, selection), how)
    _finish(run, console, reports, as_json=as_json)


def status(  # noqa: PLR0913 - one keyword an option
    tenants: Names = None,
    *,
    project: Project = Path(),
    tags: Tags = None,
    changed_since: ChangedSince = "",
    failed: Failed = False,
    failed_in: FailedIn = None,
    shard: OneShard = "",
    parallel: Parallel = _AT_ONCE,
    timeout: Timeout = _SECONDS,
    checklist: Checklist = False,
    comment: CommentFile = "",
    junit: JunitFile = "",
    limit: Limit = "github",
    link: Link = "",
    as_json: AsJson = False,
) -> None:
    """Show how the provisioning of all tenants does: quarantine, paused, users in error. Changes nothing.

    Exit code 0 if all are healthy, 1 if one is not or could not be asked.
    """
    from kzero_scim.fleet.project import FleetProject  # noqa: PLC0415 - other commands start without the clients
    from kzero_scim.fleet.sweep.sweep_run import Sweeping, status_run  # noqa: PLC0415

    reports = _reports(comment, junit, limit, link)
    console = Console(stderr=as_json or reports.prints)
    fleet = FleetProject.load(project)
    selection = selection_of(tenants, tags, changed_since, shard, failed=failed, failed_in=failed_in)
    how = Sweeping(
        environment=os.environ, parallel=parallel, timeout=timeout, watch=_watching(console), is_checked=checklist
    )
    run = status_run(fleet, selected(fleet, selection), how)
    _finish(run, console, reports, as_json=as_json)


def _reports(comment: str, junit: str, limit: str, link: str) -> ReportOptions:
    from kzero_scim.fleet.report.reports import ReportOptions  # noqa: PLC0415 - as above

    options = ReportOptions(comment=comment, junit=junit, limit=limit, link=link)
    options.check()
    return options


def _watching(console: Console) -> Callable[[Command, int], Lines]:
    from kzero_scim.commands.fleet.progress import Lines, Screen  # noqa: PLC0415
    from kzero_scim.fleet.model import Command  # noqa: PLC0415 - as above

    def watch(command: Command, total: int) -> Lines:
        if command is Command.PREVIEW:
            differ = "1 tenant differs" if total == 1 else f"{total} tenants differ"
            console.print(f"{differ}; what an up would do about it:", highlight=False)
        return Screen(console, total, command) if console.is_terminal else Lines(console, total)

    return watch


def _finish(run: FleetRun, console: Console, reports: ReportOptions, *, as_json: bool) -> None:
    from kzero_scim.commands.fleet.summary_table import print_closing  # noqa: PLC0415 - as above
    from kzero_scim.fleet.report.reports import STANDARD_OUTPUT, write, write_reports  # noqa: PLC0415
    from kzero_scim.fleet.report.reports import as_json as json_of  # noqa: PLC0415

    print_closing(console, run)
    write_reports(run, reports)
    if as_json:
        write(STANDARD_OUTPUT, json_of(run.document()))
    if run.exit_code:
        raise typer.Exit(run.exit_code)
