"""Runs `fleet drift` and `fleet status`, from the selected tenants to the run's document.

After a drift sweep, the engine previews tenants that differ, so that the report shows what the next update would do.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from kzero_scim.fleet import git, journal
from kzero_scim.fleet.model import Command, FleetRun, Outcome, TenantResult
from kzero_scim.fleet.project import FleetProject, FleetTenant
from kzero_scim.fleet.run import plan
from kzero_scim.fleet.sweep.drift_sweep import drift_of
from kzero_scim.fleet.sweep.status_sweep import checked_status_of, status_of
from kzero_scim.fleet.sweep.sweep import AT_ONCE, INTERRUPTED, ReadTenant, Sweep, now
from kzero_scim.fleet.watcher import Watcher


@dataclass(frozen=True, kw_only=True)
class Sweeping:
    """Options of a sweep.

    Attributes:
        environment: The environment of this run, for all tenants.
        parallel: Number of tenants to read at once.
        timeout: Seconds per tenant; None for no limit.
        watch: Returns the watcher for a command (drift, status, or the engine's preview) and a number of tenants.
        is_engine_asked: Whether to preview what the next update would do about drift.
        is_checked: Whether to check the seven points too; this runs Entra's connection test.
    """

    environment: Mapping[str, str] = field(repr=False)
    parallel: int = AT_ONCE
    timeout: float | None = None
    watch: Callable[[Command, int], AbstractContextManager[Watcher]]
    is_engine_asked: bool = False
    is_checked: bool = False


def drift_run(project: FleetProject, tenants: Sequence[FleetTenant], how: Sweeping) -> FleetRun:
    """Find drift, preview what the next update would do about it, and store the run's document.

    Raises:
        SettingsError: Variables match several tenants, or the document cannot be written.
    """
    began = now()
    results = _swept(project, Command.DRIFT, tenants, how, drift_of)
    if how.is_engine_asked and not any(result.error == INTERRUPTED for result in results):
        results = _with_changes(project, results, how)
    return _kept(project, Command.DRIFT, began, results)


def status_run(project: FleetProject, tenants: Sequence[FleetTenant], how: Sweeping) -> FleetRun:
    """Read provisioning health and store the run's document.

    Raises:
        SettingsError: As :func:`drift_run`.
    """
    began = now()
    read = checked_status_of if how.is_checked else status_of
    return _kept(project, Command.STATUS, began, _swept(project, Command.STATUS, tenants, how, read))


def _swept(
    project: FleetProject, command: Command, tenants: Sequence[FleetTenant], how: Sweeping, read: ReadTenant
) -> list[TenantResult]:
    with how.watch(command, len(tenants)) as watcher:
        sweep = Sweep(project, how.environment, read, parallel=how.parallel, timeout=how.timeout, watcher=watcher)
        return asyncio.run(_until_terminated(sweep.run(tenants)))


async def _until_terminated(sweep: Coroutine[Any, Any, list[TenantResult]]) -> list[TenantResult]:
    """Let SIGTERM, which pipelines use to cancel, interrupt a sweep like Ctrl-C."""
    task = asyncio.current_task()
    # Not every platform has signals; Ctrl-C works anyway.
    with suppress(NotImplementedError, RuntimeError, ValueError):
        if task is not None:
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await sweep


def _with_changes(project: FleetProject, results: Sequence[TenantResult], how: Sweeping) -> list[TenantResult]:
    """Return the results with what an update would change, from a preview of the tenants that differ."""
    differing = [project.tenants[result.tenant] for result in results if result.outcome is Outcome.DRIFTED]
    if not differing:
        return list(results)
    # Imports Pulumi's SDK, which takes a while.
    from kzero_scim.fleet.run.runner import Job, run_fleet  # noqa: PLC0415

    job = Job(
        command=Command.PREVIEW,
        waves=[differing],
        parallel=plan.default_parallel(plan.cores(), plan.free_memory()),
        timeout=how.timeout,
        refresh=True,
        is_kept=False,
    )
    with how.watch(Command.PREVIEW, len(differing)) as watcher:
        previews = {result.tenant: result for result in run_fleet(project, job, how.environment, watcher).results}
    return [_joined(result, previews.get(result.tenant)) for result in results]


def _joined(result: TenantResult, preview: TenantResult | None) -> TenantResult:
    if preview is None:
        return result
    if preview.error:
        # A preview can fail for reasons of its own. The drift stays.
        unknown = f"could not preview what the next update would do about the drift: {preview.error}"
        return replace(result, warnings=[*result.warnings, unknown], log=preview.log)
    warnings = [*result.warnings, *(line for line in preview.warnings if line not in result.warnings)]
    seconds = round(result.seconds + preview.seconds, 3)
    return replace(result, changes=preview.changes, warnings=warnings, log=preview.log, seconds=seconds)


def _kept(project: FleetProject, command: Command, began: str, results: Sequence[TenantResult]) -> FleetRun:
    run = FleetRun(
        command=command,
        project=project.name,
        began=began,
        ended=now(),
        commit=git.commit_of(project.folder),
        results=sorted(results, key=lambda result: result.tenant),
    )
    journal.record(project, run)
    return run
