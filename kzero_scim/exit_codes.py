"""What an exit code of the command line says. The same for one tenant and for many."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended."""

    DONE = 0
    """Nothing is left to do."""
    FAILED = 1
    """The command could not be carried out: an error, a wrong option, a side that could not be asked."""
    ACTION_NEEDED = 2
    """Something needs action: changes to apply, a point not passed, an unhealthy tenant, a missing prerequisite."""
    DRIFT = 3
    """Somebody changed a side behind the stack's back."""
