"""Declares a tenant, for a project's program. The program can declare more resources."""

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

_REPORTED: Final = 32
"""Exit code that means to Pulumi's language host that the program has reported its error. Others add a line."""


def declare_tenant() -> TenantProvisioning:
    """Declare both sides of the stack's tenant, and export their outputs.

    Wrong settings end the program with one error, which has a line for each problem.

    Returns:
        The tenant, so that the project's own resources can depend on it.
    """
    if threading.current_thread() is threading.main_thread():
        # When a resource has failed, the engine interrupts the program. The program has nothing to clean up, and the
        # traceback of a KeyboardInterrupt would hide the error. In the fleet, the program gets no signals.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        tenant = TenantProvisioning("tenant", settings=TenantSettings.from_config())
    except SettingsError as error:
        pulumi.log.error(several_lines(str(error)))
        sys.exit(_REPORTED)
    for name, value in tenant.outputs.items():
        pulumi.export(name, value)
    return tenant
