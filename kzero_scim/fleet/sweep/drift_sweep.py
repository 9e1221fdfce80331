"""What somebody changed behind the stacks' back, over all tenants: the sweep's look at one of them."""

from __future__ import annotations

from kzero_scim.fleet.model import Outcome, TenantResult
from kzero_scim.fleet.sweep.sweep import SweptTenant
from kzero_scim.tenant.drift import find_drift


async def drift_of(swept: SweptTenant) -> TenantResult:
    """Compare both sides of a tenant with what was last applied.

    A side that cannot be asked makes it a failure; what the other side tells is in the result all the same.

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
