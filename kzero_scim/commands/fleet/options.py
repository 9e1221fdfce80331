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
    """Options that select tenants, without those that select failed tenants."""

    tenants: Annotated[
        list[str] | None,
        typer.Argument(metavar="TENANT", help="Names or quoted globs (default: all tenants)."),
    ] = None
    project: Project = Path()
    tags: Annotated[
        list[str] | None,
        typer.Option("--tag", help="Only tenants with this tag. Repeat for any of several; a+b for both."),
    ] = None
    changed_since: Annotated[
        str,
        typer.Option(
            "--changed-since",
            metavar="GITREF",
            help="Only tenants affected by changes since the merge base with GITREF, uncommitted ones included.",
        ),
    ] = ""
    shard: Annotated[
        str, typer.Option("--shard", metavar="I/N", help="Only part I of N. A tenant's name decides its part.")
    ] = ""

    def selection(self) -> Selection:
        """Return the selection that the options describe.

        Raises:
            SettingsError: --shard is malformed.
        """
        return Selection(
            names=tuple(self.tenants or ()),
            tags=tuple(self.tags or ()),
            changed_since=self.changed_since,
            shard=Shard.parse(self.shard) if self.shard else None,
        )

    def selected(self, fleet: FleetProject) -> list[FleetTenant]:
        """Return the selected tenants and print the selection's notes on standard error.

        Raises:
            SettingsError: As :func:`~kzero_scim.fleet.selection.select`.
        """
        found = select(fleet, self.selection())
        for note in found.notes:
            typer.echo(one_line(note), err=True)
        return found.tenants


@dataclass(frozen=True, kw_only=True)
class SelectAgainOptions(SelectOptions):
    """Options that select tenants, including those that failed."""

    failed: Annotated[
        bool, typer.Option("--failed", help="Only tenants that failed, timed out or were skipped in the last run.")
    ] = False
    failed_in: Annotated[
        Literal["preview", "up", "refresh", "drift", "status"] | None,
        typer.Option("--failed-in", help="Like --failed, for the last run of this command."),
    ] = None

    def selection(self) -> Selection:
        """Return the selection that the options describe.

        Raises:
            SettingsError: --shard is malformed.
        """
        command = Command(self.failed_in) if self.failed_in else None
        return replace(super().selection(), failed=self.failed, failed_in=command)


@dataclass(frozen=True, kw_only=True)
class WrittenReports:
    """Options that write reports to files."""

    comment: Annotated[
        str, typer.Option("--comment", metavar="FILE", help="Write a pull request comment (Markdown); - prints it.")
    ] = ""
    junit: Annotated[str, typer.Option("--junit", metavar="FILE", help="Write JUnit XML; - prints it.")] = ""
    limit: Annotated[
        str,
        typer.Option(
            "--limit",
            metavar="PLATFORM|N",
            help="Maximum size of the comment: that of github, gitlab or azure, or a number of characters.",
        ),
    ] = "github"
    link: Annotated[str, typer.Option("--link", metavar="URL", help="Address of the full run, for the comment.")] = ""

    def options(self) -> ReportOptions:
        """Return the options as the reports take them."""
        return ReportOptions(comment=self.comment, junit=self.junit, limit=self.limit, link=self.link)
