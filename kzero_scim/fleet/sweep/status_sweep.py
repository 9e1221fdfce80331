"""How provisioning does, over all tenants: the sweep's look at one of them."""

from __future__ import annotations

from dataclasses import asdict, replace

from kzero_scim.fleet.model import Outcome, TenantResult
from kzero_scim.fleet.sweep.sweep import Looked
from kzero_scim.tenant.check import check
from kzero_scim.tenant.status import look


async def status_of(looked: Looked) -> TenantResult:
    """Ask Entra how a tenant's provisioning does.

    Raises:
        KzeroScimError: As :func:`kzero_scim.tenant.status.look`.
    """
    found = await look(looked.state.stack, looked.environment, looked.connections)
    return TenantResult(
        tenant=looked.tenant.name,
        outcome=Outcome.UNCHANGED if found.is_healthy else Outcome.UNHEALTHY,
        status=found.document(),
    )


async def checked_status_of(looked: Looked) -> TenantResult:
    """Ask as :func:`status_of`, and probe the guide's seven points; one that fails makes the tenant unhealthy.

    Entra is asked to test the connection, which takes the permission to write.

    Raises:
        KzeroScimError: As :func:`kzero_scim.tenant.status.look`.
    """
    result = await status_of(looked)
    items = await check(looked.state.stack, looked.environment, looked.connections)
    failed = [item for item in items if not item.passed]
    if failed:
        told = "; ".join(f"{item.item}: {item.evidence}" for item in failed)
        result = replace(result, outcome=Outcome.UNHEALTHY, error=f"checklist: {told}")
    return replace(result, checklist=[asdict(item) for item in items])
