"""Reads one tenant's provisioning health: state, quarantine, cycles, users in error. Changes nothing.

The provider's own resource reads the job, so that this module and ``pulumi preview --refresh`` always agree.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from typing import Any

from kzero_scim.clients.shared_connections import SharedConnections
from kzero_scim.entra.cycle_history import PastCycle, past_cycles
from kzero_scim.entra.job_health import Health, judge_job
from kzero_scim.entra.synchronization_job import Cycle, Quarantine
from kzero_scim.errors import NothingAppliedError, ProviderError
from kzero_scim.provider.entra.provisioning_status.resource import ProvisioningStatus, ProvisioningStatusState
from kzero_scim.provider.provisioning_log import LogReading, ObjectInError, read_log
from kzero_scim.resource.codec import decode_lenient
from kzero_scim.resource.model import as_plain, found_or_gone
from kzero_scim.settings.tenant_settings import TenantSettings
from kzero_scim.stack.stack import Stack
from kzero_scim.tenant.live_resource import silent_call
from kzero_scim.tenant.services import tenant_services


@dataclass(frozen=True, kw_only=True)
class StatusReport:
    """The document of `kzero-scim status --json`. None means unknown.

    Attributes:
        status: One word: a :class:`~kzero_scim.entra.job_health.Word`.
        reason: Why, in one line, if the other fields do not say it.
        wanted: Whether the stack says that provisioning is ON.
        service_principal_id: Object ID of the service principal.
        job_id: ID of the synchronization job.
        enabled: Whether the job runs its cycles.
        schedule_state: As in :class:`~kzero_scim.entra.synchronization_job.JobStatus`, like all up to ``quarantine``.
        in_error: Users and groups whose last provisioning failed.
        cycles: The past cycles, oldest first.
        log_read: Whether the provisioning log could be read.
        note: What is unknown and why.
    """

    status: str = ""
    reason: str = ""
    wanted: bool | None = None
    service_principal_id: str | None = None
    job_id: str | None = None
    enabled: bool | None = None
    schedule_state: str | None = None
    status_code: str | None = None
    last_cycle: Cycle | None = None
    last_successful_cycle: Cycle | None = None
    last_successful_cycle_with_exports: Cycle | None = None
    successive_failures: int | None = None
    synchronized_entries: dict[str, int] = field(default_factory=dict)
    quarantine: Quarantine | None = None
    interval: str | None = None
    in_error: list[ObjectInError] = field(default_factory=list)
    cycles: list[PastCycle] = field(default_factory=list)
    log_read: bool | None = None
    note: str = ""

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> StatusReport:
        """Return the report in a document that any version of :meth:`document` wrote."""
        return decode_lenient(cls, document)

    def document(self) -> dict[str, Any]:
        """Return the report as JSON."""
        document: dict[str, Any] = as_plain(self)
        return document


@dataclass(frozen=True, kw_only=True)
class TenantStatus:
    """A tenant's provisioning health.

    Attributes:
        wanted: Whether the stack says that provisioning is ON.
        job: The synchronization job's status.
        log: The provisioning log.
        read_at: When both were read.
    """

    wanted: bool
    job: ProvisioningStatusState
    log: LogReading
    read_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def health(self) -> Health:
        """The health, judged by the job, and by the log if it could be read."""
        in_error = len(self.log.in_error) if self.log.read else None
        return judge_job(self.job, wanted=self.wanted, in_error=in_error, now=self.read_at)

    def report(self) -> StatusReport:
        """Return the health as a report."""
        names = [spec.name for spec in fields(self.job) if spec.name != "triggers"]
        health = self.health
        return StatusReport(
            status=health.word,
            reason=health.reason,
            wanted=self.wanted,
            **{name: getattr(self.job, name) for name in names},
            in_error=list(self.log.in_error),
            cycles=list(past_cycles(self.job, self.log.cycles)),
            log_read=self.log.read,
            note=self.log.note,
        )


async def read_status(
    stack: Stack, environment: Mapping[str, str] | None = None, connections: SharedConnections | None = None
) -> TenantStatus:
    """Read a tenant's synchronization job and provisioning log from Entra.

    Args:
        stack: The tenant's stack as last applied.
        environment: The tenant's environment variables; None for this process's.
        connections: Connections that tenants share.

    Raises:
        KzeroScimError: The settings are wrong, or the job does not exist or cannot be read.
    """
    settings = await asyncio.to_thread(TenantSettings.parse, stack.configuration, stack.secret_keys, stack.project)
    held = stack.find(ProvisioningStatus.token)
    if held is None:
        message = f"stack {stack.name} has no provisioning job yet; run `pulumi up`"
        raise NothingAppliedError(message)
    async with tenant_services(settings, stack.configuration, environment, connections, stack.project) as services:
        status = ProvisioningStatus(services)
        old = decode_lenient(status.state, held.outputs)
        found = found_or_gone(await status.read(silent_call(held.name), held.id, old))
        if found is None:
            message = f"synchronization job {old.job_id} no longer exists; run `pulumi up --refresh` to create it again"
            raise ProviderError(message)
        log = await read_log(services.graph, found.state.job_id)
    wanted = decode_lenient(status.inputs, held.inputs).enabled
    return TenantStatus(wanted=wanted, job=found.state, log=log)
