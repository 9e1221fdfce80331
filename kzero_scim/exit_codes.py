"""Defines the exit codes of the command line, the same for one tenant and for many."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The result of a command."""

    DONE = 0
    """Nothing needs to be done."""
    FAILED = 1
    """The command failed: an error, a wrong option, or a side that did not answer."""
    ACTION_NEEDED = 2
    """Something needs action: changes to apply, a failed point, an unhealthy tenant, or a missing prerequisite."""
    DRIFT = 3
    """Someone changed a side by hand, without the stack."""
