"""``kzero-scim fleet preview | up | refresh``: in words for the operator. No logic of its own."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from kzero_scim.cli_options import Project
from kzero_scim.display import one_line
from kzero_scim.fleet.options import ChangedSince, Failed, Names, OneShard, Tags, selection_of

if TYPE_CHECKING:
    from kzero_scim.fleet.model import Command, FleetRun
    from kzero_scim.fleet.project import FleetProject
    from kzero_scim.fleet.selection import Selection

Parallel = Annotated[
    int | None, typer.Option(min=1, max=256, help="How many tenants at once; by cores and free memory if not given.")
]
Timeout = Annotated[float | None, typer.Option(min=1, help="Seconds after which a tenant is stopped.")]
Refresh = Annotated[bool, typer.Option("--refresh", help="Look at both sides first, and show what drifted.")]


def preview(  # noqa: PLR0913 - one keyword an option
    tenants: Names = None,
    *,
    project: Project = Path(),
    tags: Tags = None,
    changed_since: ChangedSince = "",
    failed: Failed = False,
    shard: OneShard = "",
    parallel: Parallel = None,
    timeout: Timeout = None,
    refresh: Refresh = False,
) -> None:
    """Show what an up would change, in which tenants. Changes nothing.

    Exit code 0 if nothing would change, 2 if something would, 3 if --refresh finds drift, 1 if a tenant failed.
    """
    from kzero_scim.fleet.model import Command  # noqa: PLC0415 - other commands start without the SDK

    selection = selection_of(tenants, tags, changed_since, shard, failed=failed)
    _finish(_run(Command.PREVIEW, project, selection, parallel=parallel, timeout=timeout, refresh=refresh))


def _run(  # noqa: PLR0913 - one keyword an option
    command: Command, folder: Path, selection: Selection, *, parallel: int | None, timeout: float | None, refresh: bool
) -> FleetRun:
    from kzero_scim.fleet import plan  # noqa: PLC0415 - other commands start without the SDK
    from kzero_scim.fleet.progress import Lines, Screen  # noqa: PLC0415
    from kzero_scim.fleet.project import FleetProject  # noqa: PLC0415
    from kzero_scim.fleet.runner import Job, run_fleet  # noqa: PLC0415
    from kzero_scim.fleet.selection import select  # noqa: PLC0415

    project = FleetProject.load(folder)
    selected = select(project, selection, _failed_last(project, command) if selection.failed else ())
    console = Console()
    for note in selected.notes:
        console.print(one_line(note), markup=False, highlight=False, style="yellow", soft_wrap=True)
    total = len(selected.tenants)
    watcher = Screen(console, total, command) if console.is_terminal else Lines(console, total)
    job = Job(
        command=command,
        waves=plan.waves_of(selected.tenants, ""),
        parallel=parallel or plan.default_parallel(len(os.sched_getaffinity(0)), plan.free_memory()),
        timeout=timeout,
        refresh=refresh,
    )
    with watcher:
        return run_fleet(project, job, os.environ, watcher)


def _failed_last(project: FleetProject, command: Command) -> list[str]:
    from kzero_scim.fleet import journal, matrix  # noqa: PLC0415 - as above

    run = journal.last(project, command)
    return sorted(matrix.failed([run])) if run else []


def _finish(run: FleetRun) -> None:
    from kzero_scim.fleet.closing import print_closing  # noqa: PLC0415 - as above

    print_closing(Console(), run)
    if run.exit_code:
        sys.exit(run.exit_code)
