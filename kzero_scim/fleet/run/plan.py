"""Decides the order of tenants and when to start no more. Runs nothing."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Final

from kzero_scim.display import listed, plain
from kzero_scim.errors import SettingsError
from kzero_scim.fleet.model import FleetRun, Outcome, TenantResult
from kzero_scim.fleet.project import FleetTenant

MEMORY_OF_A_TENANT: Final = 500
"""Memory of one running tenant in MB: the worker, the engine, and the azuread plugin, which is the largest."""
DONE: Final = frozenset({Outcome.CHANGED, Outcome.UNCHANGED})
_BAD: Final = frozenset({Outcome.FAILED, Outcome.TIMED_OUT})
_FIRST_NAMES: Final = 3


def default_parallel(cores: int, free_memory: int) -> int:
    """Return the default number of parallel tenants: two per core, because each waits for services half of the time.

    Args:
        cores: Number of usable cores.
        free_memory: Free memory in MB.
    """
    return max(1, min(2 * cores, free_memory // MEMORY_OF_A_TENANT))


def cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_memory(meminfo: Path = Path("/proc/meminfo")) -> int:
    """Return the free memory in MB on Linux; elsewhere, more than is ever needed."""
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
    except OSError:
        return 1 << 30
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("MemAvailable:")), 1 << 30)


def waves_of(tenants: Sequence[FleetTenant], canary: str) -> list[list[FleetTenant]]:
    """Split tenants into canaries and the rest.

    Args:
        tenants: The selected tenants, in order.
        canary: ``""`` for no canary; a number of tenants; or a tag. If no selected tenant has the tag, the first tenant
            is the canary, so that a change never reaches all tenants at once.

    Raises:
        SettingsError: The number is less than 1.
    """
    if not canary:
        return [list(tenants)]
    if canary.lstrip("-").isdecimal():
        if int(canary) < 1:
            message = f"--canary {canary}: give 1 or more tenants, or a tag"
            raise SettingsError(message)
        first = list(tenants[: int(canary)])
    else:
        first = [tenant for tenant in tenants if canary in tenant.tags] or list(tenants[:1])
    names = {tenant.name for tenant in first}
    return [first, [tenant for tenant in tenants if tenant.name not in names]]


def to_resume(
    tenants: Sequence[FleetTenant], last: FleetRun, fingerprint: Callable[[FleetTenant], str]
) -> tuple[list[FleetTenant], list[TenantResult]]:
    """Split the tenants of an unfinished run into those to run and the results to keep.

    Args:
        tenants: The tenants that are selected now. Tenants that the last run did not include are ignored.
        last: The last run.
        fingerprint: Returns a tenant's present fingerprint. A finished tenant runs again if it has changed.

    Returns:
        The tenants to run, and the results of all other tenants of the last run.
    """
    known = {result.tenant: result for result in last.results}
    due = [
        tenant
        for tenant in tenants
        if (result := known.get(tenant.name))
        and (result.outcome not in DONE or result.fingerprint != fingerprint(tenant))
    ]
    names = {tenant.name for tenant in due}
    return due, [result for result in last.results if result.tenant not in names]


@dataclass
class Schedule:
    """Assigns tenants to workers until all are done or the run stops.

    Attributes:
        waves: The tenants in waves. A wave starts when the one before it has finished without a failure.
        max_failures: Number of failures that stop the run; 0 for no limit.
        stopped: Why no more tenants start; "" while they do.
        results: The results of finished tenants, by name.
    """

    waves: list[list[FleetTenant]]
    max_failures: int
    stopped: str = ""
    results: dict[str, TenantResult] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock, repr=False)
    _queue: deque[FleetTenant] = field(default_factory=deque, repr=False)

    def begin_wave(self, number: int) -> None:
        """Queue the tenants of a wave."""
        with self._lock:
            self._queue = deque(self.waves[number])

    def next(self) -> FleetTenant | None:
        """Return the next tenant to run; None if the queue is empty or the run stops."""
        with self._lock:
            return self._queue.popleft() if self._queue and not self.stopped else None

    def stop(self, reason: str) -> None:
        """Start no more tenants. The first reason is kept."""
        with self._lock:
            self.stopped = self.stopped or reason

    def ended(self, result: TenantResult) -> None:
        """Record a tenant's result. Stop the run if too many tenants have failed."""
        with self._lock:
            self.results[result.tenant] = result
            failed = len(self._failures())
        if 0 < self.max_failures <= failed:
            number = f"{failed} {'tenant has' if failed == 1 else 'tenants have'}"
            self.stop(f"{number} failed; --max-failures is {self.max_failures}")

    def wave_ended(self, number: int) -> None:
        """Stop the run if a wave had a failure and others follow it."""
        bad = [name for name in self._failures() if name in {tenant.name for tenant in self.waves[number]}]
        if bad and any(self.waves[number + 1 :]):
            self.stop(f"the canary failed: {listed(list(map(plain, bad)), _FIRST_NAMES)}")

    def not_run(self, reason: str = "") -> list[TenantResult]:
        """Return results with a reason for all skipped tenants."""
        return [
            TenantResult(tenant=tenant.name, outcome=Outcome.NOT_RUN, error=reason or self.stopped)
            for wave in self.waves
            for tenant in wave
            if tenant.name not in self.results
        ]

    def _failures(self) -> list[str]:
        return [name for name, result in self.results.items() if result.outcome in _BAD]
