"""Arguments and options by which every fleet command selects tenants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from kzero_scim.fleet.selection import Selection

Names = Annotated[list[str] | None, typer.Argument(help="Tenants, by name or glob; all if none is given.")]
Tags = Annotated[
    list[str] | None, typer.Option("--tag", help="Only with this tag; several times: any of them; a+b: both.")
]
ChangedSince = Annotated[
    str, typer.Option("--changed-since", metavar="GITREF", help="Only whom a change since this revision touches.")
]
Failed = Annotated[bool, typer.Option("--failed", help="Only those that failed or were not run last time.")]
OneShard = Annotated[str, typer.Option("--shard", metavar="I/N", help="Only this part of N, stable by name.")]


def selection_of(
    names: list[str] | None, tags: list[str] | None, changed_since: str, shard: str, *, failed: bool
) -> Selection:
    """Read the options.

    Raises:
        SettingsError: The shard is none.
    """
    from kzero_scim.fleet.selection import Selection, Shard  # noqa: PLC0415 - other commands start without the settings

    return Selection(
        names=tuple(names or ()),
        tags=tuple(tags or ()),
        changed_since=changed_since,
        failed=failed,
        shard=Shard.parse(shard) if shard else None,
    )
