"""``kzero-scim fleet preview | up | refresh``: starts runs and prints them. Contains no logic of its own."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from typing import Annotated

import typer

from kzero_scim.commands.fleet import progress, summary_table
from kzero_scim.commands.fleet.options import SelectAgainOptions, WrittenReports
from kzero_scim.commands.option_blocks import with_option_blocks
from kzero_scim.commands.options import finite
from kzero_scim.display import listed, one_line
from kzero_scim.errors import SettingsError
from kzero_scim.fleet import journal
from kzero_scim.fleet.model import Command, FleetRun, TenantResult
from kzero_scim.fleet.project import FleetProject
from kzero_scim.fleet.report import reports
from kzero_scim.fleet.run import plan
from kzero_scim.fleet.run.fingerprint import Fingerprints
from kzero_scim.fleet.run.runner import Job, run_fleet

Parallel = Annotated[
    int | None,
    typer.Option(min=1, max=256, help="Tenants to run at once (default: two per core, if memory allows)."),
]
Timeout = Annotated[
    float | None,
    typer.Option(
        min=1, callback=finite, metavar="SECONDS", help="Stop a tenant after this time and continue with the others."
    ),
]
Refresh = Annotated[bool, typer.Option("--refresh", help="Read both services first and report drift.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the run's document as JSON instead of a table.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
Canary = Annotated[
    str,
    typer.Option(metavar="TAG|N", help="Run these first: a tag or the first N. If one fails, skip all others."),
]
MaxFailures = Annotated[
    int, typer.Option(min=0, metavar="N", help="Start no more tenants after N failures; 0: no limit.")
]
Resume = Annotated[
    bool,
    typer.Option("--resume", help="Only tenants that failed, timed out, were skipped, or changed since the last up."),
]
_MOST_NAMED = 10


@with_option_blocks
def preview(  # noqa: PLR0913 - one keyword an option
    select: SelectAgainOptions,
    written: WrittenReports,
    *,
    parallel: Parallel = None,
    timeout: Timeout = None,
    refresh: Refresh = False,
    max_failures: MaxFailures = 0,
    as_json: AsJson = False,
) -> None:
    """Show what `fleet up` would change.

    Changes nothing.

    Exit codes: 0 nothing would change, 2 something would, 3 --refresh found
    drift, 1 a tenant failed or was skipped.
    """
    _Asked(
        command=Command.PREVIEW,
        select=select,
        parallel=parallel,
        timeout=timeout,
        refresh=refresh,
        max_failures=max_failures,
        written=written,
        as_json=as_json,
    ).run()


@with_option_blocks
def up(  # noqa: PLR0913 - one keyword an option
    select: SelectAgainOptions,
    written: WrittenReports,
    *,
    parallel: Parallel = None,
    timeout: Timeout = None,
    refresh: Refresh = False,
    canary: Canary = "",
    max_failures: MaxFailures = 3,
    resume: Resume = False,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Apply the settings of all selected tenants.

    Ctrl-C finishes running tenants and starts no others. A second Ctrl-C
    interrupts running tenants too.

    Exit codes: 0 everything is applied, 1 a tenant failed or was skipped.
    """
    _Asked(
        command=Command.UP,
        select=select,
        parallel=parallel,
        timeout=timeout,
        refresh=refresh,
        canary=canary,
        max_failures=max_failures,
        resume=resume,
        yes=yes,
        written=written,
        as_json=as_json,
    ).run()


@with_option_blocks
def refresh(  # noqa: PLR0913 - one keyword an option
    select: SelectAgainOptions,
    written: WrittenReports,
    *,
    parallel: Parallel = None,
    timeout: Timeout = None,
    max_failures: MaxFailures = 3,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Update state to match both services.

    Changes neither service. The next `fleet up` would restore the stack's
    settings.

    Exit codes: 0 nothing differed, 3 something differed, 1 a tenant failed or
    was skipped.
    """
    _Asked(
        command=Command.REFRESH,
        select=select,
        parallel=parallel,
        timeout=timeout,
        max_failures=max_failures,
        yes=yes,
        written=written,
        as_json=as_json,
    ).run()


@dataclass(frozen=True, kw_only=True)
class _Asked:
    """One run as the command line asks for it."""

    command: Command
    select: SelectAgainOptions
    written: WrittenReports
    parallel: int | None
    timeout: float | None
    as_json: bool
    refresh: bool = False
    canary: str = ""
    max_failures: int = 0
    resume: bool = False
    yes: bool = False

    def run(self) -> None:
        """Run the tenants, print the outcomes, write the reports, and exit with the run's exit code."""
        project = FleetProject.load(self.select.project)
        files = self.written.options()
        files.check()
        tenants = self.select.selected(project)
        earlier: list[TenantResult] = []
        if self.resume:
            tenants, earlier = plan.to_resume(tenants, _last_up(project), Fingerprints(project).of)
        console = progress.console(stderr=self.as_json or files.prints)
        watcher = progress.watcher(console, len(tenants), self.command)
        if earlier:
            watcher.note(f"{len(earlier)} of the last up are current; running {len(tenants)}")
        self._confirm([tenant.name for tenant in tenants])
        job = Job(
            command=self.command,
            waves=plan.waves_of(tenants, self.canary),
            parallel=self.parallel or plan.default_parallel(plan.cores(), plan.free_memory()),
            timeout=self.timeout,
            max_failures=self.max_failures,
            refresh=self.refresh,
            earlier=earlier,
        )
        with watcher:
            run = run_fleet(project, job, os.environ, watcher)
        summary_table.print_closing(console, run)
        reports.write_reports(run, files)
        if self.as_json:
            reports.write(reports.STANDARD_OUTPUT, reports.as_json(run.document()))
        if run.exit_code:
            sys.exit(run.exit_code)

    def _confirm(self, tenants: list[str]) -> None:
        if self.command is Command.PREVIEW or self.yes or not tenants:
            return
        what = f"{self.command} {len(tenants)} {'tenant' if len(tenants) == 1 else 'tenants'}"
        if not sys.stdin.isatty():
            message = f"`fleet {self.command}` needs a confirmation, and there is no terminal to ask on; add --yes"
            raise SettingsError(message)
        typer.echo(listed([one_line(name) for name in tenants], _MOST_NAMED), err=True)
        typer.confirm(f"{what}?", abort=True, err=True)


def _last_up(project: FleetProject) -> FleetRun:
    last = journal.last(project, Command.UP)
    if last is None:
        message = "--resume: there is no earlier `kzero-scim fleet up` to resume; run it without --resume"
        raise SettingsError(message)
    return last
