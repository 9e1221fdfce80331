"""Arguments and options by which every fleet command selects tenants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from kzero_scim.display import one_line

if TYPE_CHECKING:
    from kzero_scim.fleet.project import FleetProject, FleetTenant
    from kzero_scim.fleet.selection import Selection

Names = Annotated[
    list[str] | None,
    typer.Argument(metavar="TENANT", help="Tenants, by name or glob in quotes; all if none is given."),
]
Tags = Annotated[
    list[str] | None, typer.Option("--tag", help="Only with this tag; several times: any of them; a+b: both.")
]
ChangedSince = Annotated[
    str,
    typer.Option(
        "--changed-since",
        metavar="GITREF",
        help="Only whom a change since the common commit with this revision touches; uncommitted changes count.",
    ),
]
Failed = Annotated[
    bool, typer.Option("--failed", help="Only those that failed, were stopped or were not run in the last run.")
]
FailedIn = Annotated[
    Literal["preview", "up", "refresh", "drift", "status"] | None,
    typer.Option("--failed-in", help="Likewise, in the last run of this command."),
]
OneShard = Annotated[str, typer.Option("--shard", metavar="I/N", help="Only this part of N, stable by name.")]


def selection_of(  # noqa: PLR0913 - one an option
    names: list[str] | None,
    tags: list[str] | None,
    changed_since: str,
    shard: str,
    *,
    failed: bool,
    failed_in: str | None = None,
) -> Selection:
    """Read the options.

    Raises:
        SettingsError: The shard is none.
    """
    from kzero_scim.fleet.model import Command  # noqa: PLC0415 - other commands start without the settings
    from kzero_scim.fleet.selection import Selection, Shard  # noqa: PLC0415 - likewise

    return Selection(
        names=tuple(names or ()),
        tags=tuple(tags or ()),
        changed_since=changed_since,
        failed=failed,
        failed_in=Command(failed_in) if failed_in else None,
        shard=Shard.parse(shard) if shard else None,
    )


def selected(project: FleetProject, selection: Selection) -> list[FleetTenant]:
    """Select tenants and tell the notes of it on standard error.

    Raises:
        SettingsError: As :func:`~kzero_scim.fleet.selection.select`.
    """
    from kzero_scim.fleet.selection import select  # noqa: PLC0415 - other commands start without the settings

    found = select(project, selection)
    for note in found.notes:
        typer.echo(one_line(note), err=True)
    return found.tenants
