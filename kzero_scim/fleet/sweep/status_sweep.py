"""Reads one tenant's provisioning health for a sweep."""

from __future__ import annotations

from dataclasses import replace

from kzero_scim.entra.job_health import Health, Word
from kzero_scim.fleet.model import Outcome, TenantResult
from kzero_scim.fleet.sweep.sweep import SweptTenant
from kzero_scim.tenant.check import check
from kzero_scim.tenant.status import read_status


async def status_of(swept: SweptTenant) -> TenantResult:
    """Return a tenant's provisioning health.

    Raises:
        KzeroScimError: As :func:`kzero_scim.tenant.status.read_status`.
    """
    found = await read_status(swept.state.stack, swept.environment, swept.connections)
    return TenantResult(
        tenant=swept.tenant.name,
        outcome=_outcome(found.health),
        status=found.report(),
    )


async def checked_status_of(swept: SweptTenant) -> TenantResult:
    """Return a tenant's provisioning health and checklist. A point that has not passed makes the tenant unhealthy.

    Entra's connection test needs write permission.

    Raises:
        KzeroScimError: As :func:`kzero_scim.tenant.status.read_status`.
    """
    result = await status_of(swept)
    items = await check(swept.state.stack, swept.environment, swept.connections)
    failed = [item for item in items if not item.passed]
    if failed:
        told = "; ".join(f"{item.item}: {item.evidence}" for item in failed)
        result = replace(result, outcome=Outcome.UNHEALTHY, error=f"checklist: {told}")
    return replace(result, checklist=items)


def _outcome(health: Health) -> Outcome:
    if health.needs_no_action:
        return Outcome.UNCHANGED
    return Outcome.UNKNOWN if health.word is Word.UNKNOWN else Outcome.UNHEALTHY
