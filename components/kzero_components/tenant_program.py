"""What a tenant's program declares, whoever runs it: `pulumi` through ``__main__.py``, or the fleet in its process."""

from __future__ import annotations

import pulumi

from kzero_components.tenant_provisioning import TenantProvisioning
from kzero_scim.settings.tenant_settings import TenantSettings


def declare_tenant() -> None:
    """Declare both sides of the tenant whose stack runs, and export what was found.

    Raises:
        SettingsError: The stack's settings are wrong; a line for each problem.
    """
    tenant = TenantProvisioning("tenant", settings=TenantSettings.from_config())
    for name, value in tenant.outputs.items():
        pulumi.export(name, value)
