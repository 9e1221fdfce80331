"""Looks at many tenants at once, in one process and one event loop, without an engine. Changes nothing.

What a tenant does to the others: nothing. Each is signed in to with its own credentials, waits for its own throttling
and ends by its own time-out; an error is its own result. Common to all are the connections, the certificate authorities
(SSL_CERT_FILE), the proxies (HTTPS_PROXY, NO_PROXY) and KZERO_SCIM_TIMEOUT, which are read of this process's
environment. Of the machine, not of a tenant, are a managed identity and the login of the Azure CLI.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from kzero_scim.clients.shared_connections import SharedConnections
from kzero_scim.display import one_line
from kzero_scim.errors import KzeroScimError, NothingAppliedError, unforeseen
from kzero_scim.fleet.credentials.credentials import Credentials
from kzero_scim.fleet.model import Outcome, TenantResult
from kzero_scim.fleet.project import FleetProject, FleetTenant
from kzero_scim.fleet.sweep.state import States, TenantState
from kzero_scim.fleet.watcher import Watcher

AT_ONCE: Final = 16
"""Tenants that are looked at at once: enough to keep one processor busy while each waits for services."""
INTERRUPTED: Final = "interrupted"


@dataclass(frozen=True, kw_only=True)
class SweptTenant:
    """One tenant to be looked at.

    Attributes:
        tenant: As it stands in the fleet.
        state: As last applied.
        environment: Its own.
        connections: Those of all.
    """

    tenant: FleetTenant
    state: TenantState
    environment: Mapping[str, str]
    connections: SharedConnections


ReadTenant = Callable[[SweptTenant], Awaitable[TenantResult]]
"""Looks at one tenant. Whatever it raises is that tenant's failure."""


class Sweep:
    """Looks at tenants, several at once.

    Args:
        project: The fleet.
        environment: What is common to all tenants.
        read: Looks at one.
        parallel: How many at once.
        timeout: Seconds for a tenant; None for no limit.
        watcher: Is told how it goes.

    Raises:
        SettingsError: Two tenants' variables would be called the same, or Pulumi.yaml cannot be read.
    """

    def __init__(  # noqa: PLR0913 - each is a fact of its own
        self,
        project: FleetProject,
        environment: Mapping[str, str],
        read: ReadTenant,
        *,
        parallel: int,
        timeout: float | None,
        watcher: Watcher,
    ) -> None:
        """Ask nobody yet."""
        self._credentials = Credentials(project, environment)
        self._states = States(project)
        self._read = read
        self._parallel = parallel
        self._timeout = timeout
        self._watcher = watcher
        self._results: dict[str, TenantResult] = {}

    async def run(self, tenants: Sequence[FleetTenant]) -> list[TenantResult]:
        """Read tenants until all are read, or it is interrupted.

        An interruption (Ctrl-C, or the cancelling of this task) breaks off whoever is being looked at, which loses
        nothing; they and the rest are told as not run.

        Returns:
            One result a tenant, in the tenants' order.
        """
        # Signing in, a command that gives credentials and Pulumi's own may wait; one that hangs holds its thread
        # beyond its tenant's time-out.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2 * self._parallel))
        connections = SharedConnections()
        queue = iter(tenants)
        workers = [
            asyncio.create_task(self._work(queue, connections)) for _ in range(min(self._parallel, len(tenants)))
        ]
        try:
            await asyncio.gather(*workers)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None:
                task.uncancel()
            await _ended(workers)
        finally:
            await connections.aclose()
        return [self._results.get(tenant.name) or _not_run(tenant) for tenant in tenants]

    async def _work(self, queue: Iterator[FleetTenant], connections: SharedConnections) -> None:
        for tenant in queue:
            self._watcher.begins(tenant.name)
            result = await self._one(tenant, connections)
            self._results[tenant.name] = result
            self._watcher.ended(result)

    async def _one(self, tenant: FleetTenant, connections: SharedConnections) -> TenantResult:
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout):
                result = await self._looked_at(tenant, connections)
        except TimeoutError:
            result = _without(tenant, Outcome.TIMED_OUT, f"stopped after {self._timeout:g} s")
        except NothingAppliedError as error:
            result = _without(tenant, Outcome.NOT_RUN, str(error))
        except KzeroScimError as error:
            result = _without(tenant, Outcome.FAILED, str(error))
        except Exception as error:  # noqa: BLE001 - the last resort: one tenant's failure alone
            result = _without(tenant, Outcome.FAILED, unforeseen(error, []))
        return replace(
            result,
            error=one_line(result.error),
            seconds=round(time.monotonic() - began, 3),
            tags=list(tenant.tags),
            names=list(tenant.names),
        )

    async def _looked_at(self, tenant: FleetTenant, connections: SharedConnections) -> TenantResult:
        environment = await asyncio.to_thread(self._credentials.environment_of, tenant.name)
        state = await self._states.load(tenant, environment)
        swept = SweptTenant(tenant=tenant, state=state, environment=environment, connections=connections)
        result = await self._read(swept)
        warnings = list(result.warnings)
        if state.is_interrupted:
            warnings.insert(
                0,
                "a run of it was broken off: something may exist that its state does not know; "
                f"`kzero-scim fleet up {tenant.name}` finds it",
            )
        return replace(result, warnings=warnings, portals=dict(state.portals))


def now() -> str:
    """Give the time as a run's document has it."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


async def _ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _not_run(tenant: FleetTenant) -> TenantResult:
    return replace(_without(tenant, Outcome.NOT_RUN, INTERRUPTED), tags=list(tenant.tags), names=list(tenant.names))


def _without(tenant: FleetTenant, outcome: Outcome, reason: str) -> TenantResult:
    return TenantResult(tenant=tenant.name, outcome=outcome, error=reason)
