"""``kzero-scim fleet matrix``: prints the jobs of a pipeline. Contains no logic of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from kzero_scim.commands.fleet.options import SelectAgainOptions
from kzero_scim.commands.option_blocks import with_option_blocks
from kzero_scim.display import one_line
from kzero_scim.exit_codes import ExitCode
from kzero_scim.fleet.export import matrix as jobs_of
from kzero_scim.fleet.project import FleetProject
from kzero_scim.fleet.selection import select as select_tenants


@with_option_blocks
def matrix(  # noqa: PLR0913 - one keyword an option
    select: SelectAgainOptions,
    *,
    # GitHub and Azure DevOps allow 256 jobs in a matrix.
    jobs: Annotated[int, typer.Option(min=1, max=256, help="Maximum number of jobs.")] = 8,
    platform: Annotated[Literal["github", "gitlab", "azure"], typer.Option(help="Format to print.")] = "github",
    command: Annotated[
        Literal["preview", "up", "refresh", "drift", "status"],
        typer.Option("--for", help="Command that the jobs run. Its last durations balance the jobs."),
    ] = "preview",
    durations: Annotated[
        list[Path] | None,
        typer.Option(help="Documents of earlier runs, files or folders (default: the last run). Repeatable."),
    ] = None,
    files: Annotated[
        Path | None,
        typer.Option(metavar="FOLDER", help="Write each job's tenants to a file in this folder and print its name."),
    ] = None,
) -> None:
    """Print a pipeline's job matrix.

    Distributes the selected tenants so that all jobs end at about the same
    time. If none is selected, prints an empty matrix.

    Exit codes: 0 done, 1 a stack file's name cannot be used and its tenant is
    in no job, or the command could not run. The other tenants are in the matrix.
    """
    fleet = FleetProject.load(select.project)
    last = fleet.runs / f"{command}.json"
    known = jobs_of.runs_at(durations or ([last] if last.exists() else []))
    runs = [run for run in known if run.command == command]
    selected = select_tenants(fleet, select.selection(), jobs_of.failed(runs) if durations else None)
    names, notes = jobs_of.safe_names(selected.tenants)
    for note in (*selected.notes, *notes):
        typer.echo(one_line(note), err=True)
    spread = jobs_of.spread(names, jobs_of.durations(runs), jobs)
    written = jobs_of.write_files(spread, files) if files else None
    typer.echo(jobs_of.render(spread, jobs_of.Platform(platform), written).rstrip("\n"))
    if notes:
        raise typer.Exit(ExitCode.FAILED)
