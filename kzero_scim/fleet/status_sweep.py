"""How provisioning does, over all tenants: the sweep's look at one of them."""

from __future__ import annotations

from kzero_scim.fleet.model import Outcome, TenantResult
from kzero_scim.fleet.sweep import Looked
from kzero_scim.tenant_status import look


async def status_of(looked: Looked) -> TenantResult:
    """Ask Entra how a tenant's provisioning does.

    Raises:
        KzeroScimError: As :func:`kzero_scim.tenant_status.look`.
    """
    found = await look(looked.state.stack, looked.environment, looked.connections)
    return TenantResult(
        tenant=looked.tenant.name,
        outcome=Outcome.UNCHANGED if found.is_healthy else Outcome.UNHEALTHY,
        status=found.document(),
    )
