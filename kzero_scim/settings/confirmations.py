"""What an operator confirms for one run: changes that take something away from somebody.

A confirmation names the very thing it allows (``unassign=31``, ``move=Fabrikam``), so that one left behind in a
pipeline's settings allows nothing else. It lives in the environment and never in a stack's file.
"""

from __future__ import annotations

import os
import shlex
from typing import Final

VARIABLE: Final = "KZERO_SCIM_CONFIRM"
"""The environment variable: confirmations separated by spaces, each ``<action>=<what>``."""
UNASSIGN_MAX_USERS: Final = 25
"""Users who may lose access in one run without a confirmation, unless the settings say another number."""
UNASSIGN_MAX_SHARE: Final = 20
"""The same as a percentage of all users who have access; the larger of both counts."""


def is_confirmed(action: str, what: str) -> bool:
    """Tell whether this run's environment allows an action.

    Args:
        action: What would be done, one word, such as ``unassign``.
        what: To what, or how much; compared as it is, case included.
    """
    return f"{action}={what}" in os.environ.get(VARIABLE, "").split()


def confirmed(action: str) -> list[str]:
    """Give everything for which this run's environment allows an action, in its order."""
    pairs = (word.partition("=") for word in os.environ.get(VARIABLE, "").split())
    return [what for name, _, what in pairs if name == action]


def how_to_confirm(action: str, what: str) -> str:
    """Say how to allow an action for one run; the end of an error's line."""
    return f"if that is meant, run it once more with {VARIABLE}={shlex.quote(f'{action}={what}')} in the environment"
