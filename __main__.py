"""The program of one tenant: reads the stack's settings, declares both sides, exports what was found."""

from __future__ import annotations

import signal
import sys
from typing import Final

import pulumi
from kzero_components.tenant_program import declare_tenant

from kzero_scim.display import several_lines
from kzero_scim.errors import SettingsError

_TOLD: Final = 32
"""Exit code by which Pulumi's language host knows that the operator has been told; any other gets a line of its own."""


def main() -> None:
    """Declare the tenant."""
    # When a resource has failed, the engine interrupts the program. There is nothing to tidy up, and the traceback of
    # a KeyboardInterrupt would bury the error that matters.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    try:
        declare_tenant()
    except SettingsError as error:
        pulumi.log.error(several_lines(str(error)))
        sys.exit(_TOLD)


main()
