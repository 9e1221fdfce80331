"""Finds one tenant's drift for a sweep."""

from __future__ import annotations

from kzero_scim.fleet.model import Outcome, TenantResult
from kzero_scim.fleet.sweep.sweep import SweptTenant
from kzero_scim.tenant.drift import find_drift


async def drift_of(swept: SweptTenant) -> TenantResult:
    """Compare both sides of a tenant with what its stack last applied.

    If a side cannot be asked, the tenant fails. The result contains the other side's drift anyway.

    Raises:
        SettingsError: The tenant's settings are wrong.
    """
    found = await find_drift(swept.state.stack, swept.environment, swept.connections)
    seen = Outcome.DRIFTED if found.differences else Outcome.UNCHANGED
    return TenantResult(
        tenant=swept.tenant.name,
        outcome=Outcome.FAILED if found.unasked else seen,
        drift=found.differences,
        error="; ".join(found.unasked),
        warnings=found.notes,
    )
