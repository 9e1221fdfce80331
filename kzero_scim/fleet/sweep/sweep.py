"""Reads many tenants concurrently, in one process and one event loop, without an engine. Changes nothing.

Tenants do not affect each other: each has its own credentials, throttling, timeout and errors. They share connections,
and settings from this process's environment: certificate authorities (SSL_CERT_FILE), proxies (HTTPS_PROXY, NO_PROXY)
and KZERO_SCIM_TIMEOUT. A managed identity and the Azure CLI's sign-in belong to the machine, not to a tenant.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from kzero_scim.clients.shared_connections import SharedConnections
from kzero_scim.display import one_line
from kzero_scim.errors import NothingAppliedError, unforeseen, unwrapped
from kzero_scim.fleet.credentials.credentials import Credentials
from kzero_scim.fleet.model import Outcome, TenantResult
from kzero_scim.fleet.project import FleetProject, FleetTenant
from kzero_scim.fleet.sweep.state import States, TenantState
from kzero_scim.fleet.sweep.tenant_threads import TenantThreads
from kzero_scim.fleet.watcher import Watcher
from kzero_scim.redaction import Redactor, current, learn, redacted, using

AT_ONCE: Final = 16
"""Tenants to read at once: enough to keep one processor busy while each waits for services."""
INTERRUPTED: Final = "interrupted"


@dataclass(frozen=True, kw_only=True)
class SweptTenant:
    """One tenant to read.

    Attributes:
        tenant: The tenant in the fleet.
        state: Its stack as last applied.
        environment: Its environment.
        connections: Connections that all tenants share.
    """

    tenant: FleetTenant
    state: TenantState
    environment: Mapping[str, str] = field(repr=False)
    connections: SharedConnections


ReadTenant = Callable[[SweptTenant], Awaitable[TenantResult]]
"""Reads one tenant. If it raises an error, that tenant fails."""


class Sweep:
    """Reads tenants, several at once.

    Args:
        project: The fleet.
        environment: The environment of this run, for all tenants.
        read: Reads one tenant.
        parallel: Number of tenants to read at once.
        timeout: Seconds per tenant; None for no limit.
        watcher: Receives the progress.

    Raises:
        SettingsError: Variables match several tenants, or Pulumi.yaml cannot be read.
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
        """Contact no service yet."""
        self._credentials = Credentials(project, environment)
        self._states = States(project)
        self._read = read
        self._parallel = parallel
        self._timeout = timeout
        self._watcher = watcher
        self._results: dict[str, TenantResult] = {}
        self._threads = TenantThreads()

    async def run(self, tenants: Sequence[FleetTenant]) -> list[TenantResult]:
        """Read tenants until all are read or the sweep is interrupted.

        An interruption (Ctrl-C, or cancelling this task) stops the tenants that are being read. This loses nothing;
        they and the remaining tenants are skipped.

        Returns:
            One result per tenant, in the tenants' order.
        """
        asyncio.get_running_loop().set_default_executor(self._threads)
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
        with using(Redactor()):
            return await self._result(tenant, connections)

    async def _result(self, tenant: FleetTenant, connections: SharedConnections) -> TenantResult:
        began = time.monotonic()
        try:
            async with asyncio.timeout(self._timeout) as limit:
                with self._threads.of_tenant():
                    result = await self._looked_at(tenant, connections)
        except TimeoutError as error:
            if limit.expired():
                result = _without(tenant, Outcome.TIMED_OUT, f"stopped after {self._timeout:g} s")
            else:
                result = _without(tenant, Outcome.FAILED, unforeseen(error, []))
        except Exception as error:  # noqa: BLE001 - the last resort: one tenant's failure alone
            is_applied = not isinstance(unwrapped(error), NothingAppliedError)
            result = _without(tenant, Outcome.FAILED if is_applied else Outcome.NOT_RUN, unforeseen(error, []))
        # A secret of several lines is found before they are joined.
        return replace(
            redacted(replace(result, error=one_line(current().line(result.error)))),
            tenant=tenant.name,
            seconds=round(time.monotonic() - began, 3),
            tags=list(tenant.tags),
            names=list(tenant.names),
        )

    async def _looked_at(self, tenant: FleetTenant, connections: SharedConnections) -> TenantResult:
        environment = await asyncio.to_thread(self._environment_of, tenant.name)
        state = await self._states.load(tenant, environment)
        swept = SweptTenant(tenant=tenant, state=state, environment=environment, connections=connections)
        result = await self._read(swept)
        warnings = list(result.warnings)
        if state.is_interrupted:
            warnings.insert(
                0,
                "a run was interrupted, so objects may exist that the state does not contain; "
                f"run `kzero-scim fleet up {tenant.name}` to find them",
            )
        return replace(result, warnings=warnings, portals=dict(state.portals))

    def _environment_of(self, tenant: str) -> dict[str, str]:
        environment, secrets = self._credentials.with_secrets(tenant)
        learn(secrets)
        return environment


def now() -> str:
    """Return the current time in the format of a run's document."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


async def _ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _not_run(tenant: FleetTenant) -> TenantResult:
    return replace(_without(tenant, Outcome.NOT_RUN, INTERRUPTED), tags=list(tenant.tags), names=list(tenant.names))


def _without(tenant: FleetTenant, outcome: Outcome, reason: str) -> TenantResult:
    return TenantResult(tenant=tenant.name, outcome=outcome, error=reason)
