"""The program of one tenant: reads the stack's settings, declares both sides, exports what was found."""

from __future__ import annotations

import sys

import pulumi

from components.settings import TenantSettings
from components.tenant_provisioning import TenantProvisioning
from kzero_scim.errors import SettingsError


def main() -> None:
    """Declare the tenant."""
    try:
        settings = TenantSettings.from_config()
    except SettingsError as error:
        pulumi.log.error(str(error))
        sys.exit(1)
    tenant = TenantProvisioning("tenant", settings=settings)
    for name, value in tenant.outputs.items():
        pulumi.export(name, value)


main()
