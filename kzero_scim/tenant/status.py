"""How one tenant's provisioning does: state, quarantine, cycles, who is in error. Reads only; changes nothing.

What the job says is read by the provider's own resource, so that this and ``pulumi preview --refresh`` never disagree.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kzero_scim.clients.shared_connections import SharedConnections
from kzero_scim.entra.cycle_history import past_cycles
from kzero_scim.entra.synchronization_job import ACTIVE
from kzero_scim.errors import NothingAppliedError, ProviderError
from kzero_scim.provider.entra.provisioning_status.resource import ProvisioningStatus, ProvisioningStatusState
from kzero_scim.provider.provisioning_log import LogReading, read_log
from kzero_scim.resource.codec import decode_lenient
from kzero_scim.resource.model import as_plain
from kzero_scim.settings.tenant_settings import TenantSettings
from kzero_scim.stack.stack import Stack
from kzero_scim.tenant.live_resource import silent_call
from kzero_scim.tenant.services import tenant_services


@dataclass(frozen=True, kw_only=True)
class TenantStatus:
    """How a tenant's provisioning does.

    Attributes:
        wanted: Whether the stack wants it on.
        job: What the job says.
        log: What the provisioning log says.
    """

    wanted: bool
    job: ProvisioningStatusState
    log: LogReading

    @property
    def word(self) -> str:
        """One word for it: healthy, off, quarantine, paused or errors."""
        if self.job.quarantine is not None:
            return "quarantine"
        if not self.wanted:
            return "off"
        if self.job.schedule_state != ACTIVE:
            return "paused"
        return "errors" if self.log.in_error else "healthy"

    @property
    def is_healthy(self) -> bool:
        """Whether nobody has to do anything, as far as it is known."""
        return self.word in {"healthy", "off"}

    def document(self) -> dict[str, Any]:
        """Give all of it as JSON: ``status``, ``wanted``, the job's properties, ``inError``, ``cycles``, ``note``."""
        shown = as_plain(self.job)
        shown.pop("triggers", None)
        return {
            "status": self.word,
            "wanted": self.wanted,
            **shown,
            "inError": [as_plain(item) for item in self.log.in_error],
            "cycles": [dataclasses.asdict(past) for past in past_cycles(self.job, self.log.cycles)],
            "logRead": self.log.read,
            "note": self.log.note,
        }


async def read_status(
    stack: Stack, environment: Mapping[str, str] | None = None, connections: SharedConnections | None = None
) -> TenantStatus:
    """Ask Entra how a tenant's provisioning does: the job, and its provisioning log.

    Args:
        stack: The tenant's stack as last applied.
        environment: Holds the tenant's credentials; None for the process's own.
        connections: Connections that other tenants use too.

    Raises:
        KzeroScimError: The settings are wrong, or there is no such job, or it cannot be read.
    """
    settings = TenantSettings.parse(stack.configuration, stack.secret_keys)
    held = stack.find(ProvisioningStatus.token)
    if held is None:
        message = f"stack {stack.name} has no provisioning job yet; run `pulumi up`"
        raise NothingAppliedError(message)
    async with tenant_services(settings, stack.configuration, environment, connections) as services:
        status = ProvisioningStatus(services)
        old = decode_lenient(status.state, held.outputs)
        found = await status.read(silent_call(held.name), held.id, old)
        if found is None:
            message = f"synchronization job {old.job_id} is gone; `pulumi up --refresh` makes it again"
            raise ProviderError(message)
        log = await read_log(services.graph, found.state.job_id)
    wanted = decode_lenient(status.inputs, held.inputs).enabled
    return TenantStatus(wanted=wanted, job=found.state, log=log)
