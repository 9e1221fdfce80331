"""The part of a project's program that declares a tenant; a project may declare more beside it."""

from __future__ import annotations

import signal
import sys
import threading
from typing import Final

import pulumi

from kzero_components.tenant_provisioning import TenantProvisioning
from kzero_scim.display import several_lines
from kzero_scim.errors import SettingsError
from kzero_scim.settings.tenant_settings import TenantSettings

_TOLD: Final = 32
"""Exit code by which Pulumi's language host knows that the operator has been told; any other gets a line of its own."""


def declare_tenant() -> TenantProvisioning:
    """Declare both sides of the tenant whose stack runs, and export what was found.

    Wrong settings end the program, with one error that has a line for each problem.

    Returns:
        The tenant, so that the project's own resources can depend on it.
    """
    if threading.current_thread() is threading.main_thread():
        # When a resource has failed, the engine interrupts the program. There is nothing to tidy up, and the traceback
        # of a KeyboardInterrupt would bury the error that matters. In the fleet, the program has no signals.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        tenant = TenantProvisioning("tenant", settings=TenantSettings.from_config())
    except SettingsError as error:
        pulumi.log.error(several_lines(str(error)))
        sys.exit(_TOLD)
    for name, value in tenant.outputs.items():
        pulumi.export(name, value)
    return tenant
