"""In which order tenants are run, and when no further one is begun. Runs nothing."""

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
"""MB that one running tenant takes: the worker, the engine, and the azuread plugin, the largest of them."""
DONE: Final = frozenset({Outcome.CHANGED, Outcome.UNCHANGED})
_BAD: Final = frozenset({Outcome.FAILED, Outcome.TIMED_OUT})
_FIRST_NAMES: Final = 3


def default_parallel(cores: int, free_memory: int) -> int:
    """Say how many tenants run at once where nobody says: two a core, as each waits for services half of its time.

    Args:
        cores: That may be used.
        free_memory: MB.
    """
    return max(1, min(2 * cores, free_memory // MEMORY_OF_A_TENANT))


def cores() -> int:
    """Give the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def free_memory(meminfo: Path = Path("/proc/meminfo")) -> int:
    """Give the free memory in MB where Linux tells it, else more than anybody needs."""
    try:
        lines = meminfo.read_text(encoding="ascii").splitlines()
    except OSError:
        return 1 << 30
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("MemAvailable:")), 1 << 30)


def waves_of(tenants: Sequence[FleetTenant], canary: str) -> list[list[FleetTenant]]:
    """Part tenants into those that go first and the rest.

    Args:
        tenants: The selected, in order.
        canary: ``""`` for none; a number for the first so many; else a tag. If nobody selected has the tag, the first
            tenant goes ahead, so that a change never reaches everybody at once.

    Raises:
        SettingsError: The number is none of 1 or more.
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
    """Part the tenants of a run that did not come to its end into those to run and the results that stand.

    Args:
        tenants: Those that are selected now; who had no part in the last run has none in this one.
        last: The last run.
        fingerprint: A tenant's, as it is now: who was done runs again if it has changed.

    Returns:
        Who is to run, and the results of all others of the last run.
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
    """Hands out tenants to workers, until all are done or something says that no further one is to begin.

    Attributes:
        waves: Who goes first, and who then: a wave begins when the one before it has ended without a failure.
        max_failures: So many failures end it; 0 for no limit.
        stopped: Why no further tenant is begun; "" while that is not so.
        results: What came of those that ended, by name.
    """

    waves: list[list[FleetTenant]]
    max_failures: int
    stopped: str = ""
    results: dict[str, TenantResult] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock, repr=False)
    _queue: deque[FleetTenant] = field(default_factory=deque, repr=False)

    def begin_wave(self, number: int) -> None:
        """Let the tenants of a wave be handed out."""
        with self._lock:
            self._queue = deque(self.waves[number])

    def next(self) -> FleetTenant | None:
        """Give the next tenant to run; None if there is none, or none is to begin."""
        with self._lock:
            return self._queue.popleft() if self._queue and not self.stopped else None

    def stop(self, reason: str) -> None:
        """Begin no further tenant; the first reason stands."""
        with self._lock:
            self.stopped = self.stopped or reason

    def ended(self, result: TenantResult) -> None:
        """Take what came of a tenant."""
        with self._lock:
            self.results[result.tenant] = result
            failed = len(self._failures())
        if 0 < self.max_failures <= failed:
            number = f"{failed} {'tenant has' if failed == 1 else 'tenants have'}"
            self.stop(f"{number} failed, and --max-failures is {self.max_failures}")

    def wave_ended(self, number: int) -> None:
        """Stop if a wave that others wait for had a failure."""
        bad = [name for name in self._failures() if name in {tenant.name for tenant in self.waves[number]}]
        if bad and any(self.waves[number + 1 :]):
            self.stop(f"the canary failed: {listed(list(map(plain, bad)), _FIRST_NAMES)}")

    def not_run(self, reason: str = "") -> list[TenantResult]:
        """Say of all who did not run that they did not, and why."""
        return [
            TenantResult(tenant=tenant.name, outcome=Outcome.NOT_RUN, error=reason or self.stopped)
            for wave in self.waves
            for tenant in wave
            if tenant.name not in self.results
        ]

    def _failures(self) -> list[str]:
        return [name for name, result in self.results.items() if result.outcome in _BAD]
