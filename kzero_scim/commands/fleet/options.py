"""Options that fleet commands share, each block a dataclass (``option_blocks``)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import typer

from kzero_scim.commands.options import Project
from kzero_scim.display import one_line
from kzero_scim.fleet.model import Command
from kzero_scim.fleet.project import FleetProject, FleetTenant
from kzero_scim.fleet.report.reports import ReportOptions
from kzero_scim.fleet.selection import Selection, Shard, select


@dataclass(frozen=True, kw_only=True)
class SelectOptions:
    """Which tenants, but for those that failed."""

    tenants: Annotated[
        list[str] | None,
        typer.Argument(metavar="TENANT", help="Tenants, by name or glob in quotes; all if none is given."),
    ] = None
    project: Project = Path()
    tags: Annotated[
        list[str] | None, typer.Option("--tag", help="Only with this tag; several times: any of them; a+b: both.")
    ] = None
    changed_since: Annotated[
        str,
        typer.Option(
            "--changed-since",
            metavar="GITREF",
            help="Only whom a change since the common commit with this revision touches; uncommitted changes count.",
        ),
    ] = ""
    shard: Annotated[str, typer.Option("--shard", metavar="I/N", help="Only this part of N, stable by name.")] = ""

    def selection(self) -> Selection:
        """Read the options.

        Raises:
            SettingsError: The shard is none.
        """
        return Selection(
            names=tuple(self.tenants or ()),
            tags=tuple(self.tags or ()),
            changed_since=self.changed_since,
            shard=Shard.parse(self.shard) if self.shard else None,
        )

    def selected(self, fleet: FleetProject) -> list[FleetTenant]:
        """Select tenants and write the notes of it to standard error.

        Raises:
            SettingsError: As :func:`~kzero_scim.fleet.selection.select`.
        """
        found = select(fleet, self.selection())
        for note in found.notes:
            typer.echo(one_line(note), err=True)
        return found.tenants


@dataclass(frozen=True, kw_only=True)
class SelectAgainOptions(SelectOptions):
    """Which tenants, those that failed among them."""

    failed: Annotated[
        bool, typer.Option("--failed", help="Only those that failed, were stopped or were not run in the last run.")
    ] = False
    failed_in: Annotated[
        Literal["preview", "up", "refresh", "drift", "status"] | None,
        typer.Option("--failed-in", help="Likewise, in the last run of this command."),
    ] = None

    def selection(self) -> Selection:
        """Read the options.

        Raises:
            SettingsError: The shard is none.
        """
        command = Command(self.failed_in) if self.failed_in else None
        return replace(super().selection(), failed=self.failed, failed_in=command)


@dataclass(frozen=True, kw_only=True)
class WrittenReports:
    """Which reports are written, and where to."""

    comment: Annotated[
        str, typer.Option("--comment", metavar="FILE", help="Write a pull request's comment, Markdown; - prints it.")
    ] = ""
    junit: Annotated[str, typer.Option("--junit", metavar="FILE", help="Write JUnit XML; - prints it.")] = ""
    limit: Annotated[
        str,
        typer.Option("--limit", metavar="PLATFORM|N", help="Longest comment: github, gitlab, azure, or characters."),
    ] = "github"
    link: Annotated[
        str, typer.Option("--link", metavar="URL", help="Where the whole run is; the comment links to it.")
    ] = ""

    def options(self) -> ReportOptions:
        """Return them for the reports."""
        return ReportOptions(comment=self.comment, junit=self.junit, limit=self.limit, link=self.link)
