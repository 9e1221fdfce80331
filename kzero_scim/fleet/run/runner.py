"""Runs preview, up or refresh for many tenants, several at once, each in a worker process."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import FrameType
from typing import Final

from kzero_scim.display import listed, one_line
from kzero_scim.errors import SettingsError, unforeseen
from kzero_scim.fleet import git, journal
from kzero_scim.fleet.credentials.credentials import Credentials, suffix_of
from kzero_scim.fleet.model import Command, FleetRun, Outcome, TenantResult
from kzero_scim.fleet.project import FleetProject, FleetTenant
from kzero_scim.fleet.run.engine_run import TenantRun
from kzero_scim.fleet.run.fingerprint import Fingerprints
from kzero_scim.fleet.run.plan import Schedule
from kzero_scim.fleet.run.worker import Worker
from kzero_scim.fleet.watcher import Watcher
from kzero_scim.secret_variables import without_secrets
from kzero_scim.settings.confirmations import VARIABLE
from kzero_scim.stack.stack import narrowing_options, required_pulumi_cli, without_options

_TICK: Final = 0.2
"""Seconds between two checks of signals and of the clock."""
_RECORDED_EVERY: Final = 5.0
"""Seconds between two documents of a running run. A killed run loses at most so many seconds of results."""
INTERRUPTED: Final = "interrupted"


@dataclass(frozen=True, kw_only=True)
class Job:
    """A command, its tenants and its options.

    Attributes:
        command: Preview, up or refresh.
        waves: The tenants in waves. Each wave waits for the one before it.
        parallel: Number of tenants to run at once.
        timeout: Seconds per tenant; None for no limit.
        max_failures: Number of failures after which no more tenants start; 0 for no limit.
        refresh: Whether to read both sides before a preview or an up.
        earlier: Results of an earlier run to keep, of tenants that do not run again.
        is_kept: Whether to store the document as the last of its command; False if it is a part of another run.
    """

    command: Command
    waves: list[list[FleetTenant]]
    parallel: int
    timeout: float | None = None
    max_failures: int = 0
    refresh: bool = False
    earlier: Sequence[TenantResult] = ()
    is_kept: bool = True


def run_fleet(project: FleetProject, job: Job, environment: Mapping[str, str], watcher: Watcher) -> FleetRun:
    """Run a job to its end and store its document.

    The first SIGINT or SIGTERM finishes running tenants and starts no more. The second interrupts the engines, like
    Ctrl-C interrupts `pulumi up`. Must be called in the main thread.

    Raises:
        SettingsError: There is no Pulumi CLI, variables match several tenants, or the document cannot be written.
    """
    return _Fleet(project, job, environment, watcher).run()


class _Fleet:
    def __init__(self, project: FleetProject, job: Job, environment: Mapping[str, str], watcher: Watcher) -> None:
        self._project = project
        self._job = job
        self._watcher = watcher
        self._cli, self._version = _pulumi()
        # A confirmation allows a change for one tenant. In the common environment, it would reach all of them.
        common = {name: value for name, value in without_options(environment).items() if name != VARIABLE}
        if ignored := narrowing_options(environment):
            watcher.note(
                f"{listed(ignored, 5)} {'is' if len(ignored) == 1 else 'are'} ignored: a fleet run covers the whole "
                "stack of each tenant, and sets Pulumi's options itself"
            )
        if VARIABLE in environment:
            watcher.note(f"{VARIABLE} is ignored in a fleet run; set {VARIABLE}__<TENANT> for one tenant instead")
        self._credentials = Credentials(project, common)
        self._schedule = Schedule(job.waves, job.max_failures)
        self._workers: list[Worker] = []
        self._signals = 0
        self._fingerprints = Fingerprints(project)
        self._began = _now()
        self._commit = git.commit_of(project.folder)

    def run(self) -> FleetRun:
        tenants = sum(map(len, self._job.waves))
        with _signals(self._signalled), ThreadPoolExecutor(max(1, self._job.parallel)) as pool:
            self._workers = [Worker() for _ in range(min(self._job.parallel, tenants))]
            try:
                for number in range(len(self._job.waves)):
                    self._run_wave(number, pool)
            finally:
                self._schedule.stop(INTERRUPTED)
                list(pool.map(Worker.close, self._workers))
                # Also if an unexpected error ends the run.
                document = self._keep()
        return document

    def _run_wave(self, number: int, pool: ThreadPoolExecutor) -> None:
        self._schedule.begin_wave(number)
        running = {pool.submit(self._serve, worker) for worker in self._workers}
        recorded = time.monotonic()
        while running:
            done, running = wait(running, timeout=_TICK)
            for future in done:
                future.result()
            if time.monotonic() - recorded > _RECORDED_EVERY:
                self._keep(INTERRUPTED)
                recorded = time.monotonic()
        self._schedule.wave_ended(number)

    def _serve(self, worker: Worker) -> None:
        while (tenant := self._schedule.next()) is not None:
            self._watcher.begins(tenant.name)
            try:
                result = self._one(worker, tenant)
            except Exception as error:  # noqa: BLE001 - the last resort: one tenant's failure alone
                result = TenantResult(tenant=tenant.name, outcome=Outcome.FAILED, error=one_line(unforeseen(error, [])))
            self._schedule.ended(result)
            self._watcher.ended(result)

    def _one(self, worker: Worker, tenant: FleetTenant) -> TenantResult:
        began = time.monotonic()
        try:
            if tenant.problem:
                raise SettingsError(tenant.problem)  # noqa: TRY301 - handled like any other
            environment, secrets = self._credentials.with_secrets(tenant.name)
        except SettingsError as error:
            seconds = round(time.monotonic() - began, 3)
            result = TenantResult(tenant=tenant.name, outcome=Outcome.FAILED, error=str(error), seconds=seconds)
        else:
            run = TenantRun(
                command=self._job.command,
                tenant=tenant.name,
                folder=self._project.folder,
                environment=environment,
                secrets=secrets,
                refresh=self._job.refresh,
                cli=self._cli,
                cli_version=self._version,
                log=self._project.logs / f"{tenant.name}.log",
            )
            result = worker.run(run, self._job.timeout, lambda what: self._watcher.doing(tenant.name, what))
        # Name the variable that confirms the change for only this tenant.
        error_ = result.error.replace(f"{VARIABLE}=", f"{VARIABLE}__{suffix_of(tenant.name)}=")
        fingerprint = self._fingerprints.of(tenant) if self._job.command is Command.UP else ""
        return replace(result, error=error_, tags=list(tenant.tags), names=list(tenant.names), fingerprint=fingerprint)

    def _signalled(self) -> None:
        self._signals += 1
        running = sum(worker.is_busy for worker in self._workers)
        if self._signals == 1:
            self._schedule.stop(INTERRUPTED)
            self._watcher.note(
                f"interrupted: finishing {running} running {'tenant' if running == 1 else 'tenants'} and starting no "
                "more; press Ctrl-C again to interrupt these too"
            )
            return
        self._watcher.note("interrupted again: interrupting the engines; their stacks record the cancelled operations")
        for worker in self._workers:
            if worker.is_busy:
                worker.interrupt()

    def _keep(self, reason: str = "") -> FleetRun:
        document = self._document(reason)
        if self._job.is_kept:
            journal.record(self._project, document)
        return document

    def _document(self, reason: str = "") -> FleetRun:
        rest = [
            replace(result, tags=list(tenant.tags), names=list(tenant.names))
            for result in self._schedule.not_run(reason)
            for tenant in [self._project.tenants[result.tenant]]
        ]
        results = [*self._job.earlier, *dict(self._schedule.results).values(), *rest]
        return FleetRun(
            command=self._job.command,
            project=self._project.name,
            began=self._began,
            ended=_now(),
            commit=self._commit,
            results=sorted(results, key=lambda result: result.tenant),
        )


def _pulumi() -> tuple[str, str]:
    """Find the CLI and ask for its version, once for all tenants."""
    found = required_pulumi_cli()
    cli = shutil.which(found) or found
    environment = {**without_options(without_secrets(os.environ)), "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        version = subprocess.run(  # noqa: S603 - the CLI itself
            [cli, "version"], capture_output=True, text=True, check=True, env=environment
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError) as error:
        message = f"could not run {cli}: {error}"
        raise SettingsError(message) from None
    return cli, version


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


@contextmanager
def _signals(told: Callable[[], None]) -> Iterator[None]:
    """Call ``told`` on SIGINT and SIGTERM, instead of ending the process."""

    def handle(_number: int, _frame: FrameType | None) -> None:
        # In a thread: the handler would deadlock on a lock that the interrupted code holds.
        threading.Thread(target=told, daemon=True).start()

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
