"""Confirmations: risky changes that an operator allows for one run.

A confirmation names exactly what it allows (``unassign=31``, ``move=Fabrikam``), so that one that stays in a pipeline's
settings allows nothing else. It is an environment variable and never part of a stack file.
"""

from __future__ import annotations

import os
import shlex
from typing import Final

VARIABLE: Final = "KZERO_SCIM_CONFIRM"
"""The environment variable: confirmations separated by spaces, each ``<action>=<what>``."""
UNASSIGN_MAX_USERS: Final = 25
"""Users who may lose access in one run without a confirmation, if the settings give no other number."""
UNASSIGN_MAX_SHARE: Final = 20
"""The same limit as a percentage of all users who have access. The larger of both limits applies."""


def is_confirmed(action: str, what: str) -> bool:
    """Return whether this run's environment allows an action.

    Args:
        action: The action in one word, such as ``unassign``.
        what: The target or the amount; compared exactly, including case.
    """
    return f"{action}={what}" in os.environ.get(VARIABLE, "").split()


def confirmed(action: str) -> list[str]:
    """Return the targets that this run's environment allows for an action, in their order."""
    pairs = (word.partition("=") for word in os.environ.get(VARIABLE, "").split())
    return [what for name, _, what in pairs if name == action]


def how_to_confirm(action: str, what: str) -> str:
    """Return how to allow an action for one run, as the end of an error message."""
    return f"to allow this, run it again with {VARIABLE}={shlex.quote(f'{action}={what}')} in the environment"
