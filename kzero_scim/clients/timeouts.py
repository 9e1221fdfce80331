"""How long clients wait for an answer. ``KZERO_SCIM_TIMEOUT`` changes it, for slow lines and for services that hang."""

from __future__ import annotations

import os
from typing import Final

from kzero_scim.errors import SettingsError

VARIABLE: Final = "KZERO_SCIM_TIMEOUT"
_LONGEST: Final = 3600.0


def seconds(default: float) -> float:
    """Return the seconds to wait for each read of an answer: the variable's value, or the client's default.

    Raises:
        SettingsError: The variable is not a number of seconds above 0 and up to an hour.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= _LONGEST:
        message = f"{VARIABLE}: '{text}' is not valid; set it to a number of seconds above 0 and up to 3600"
        raise SettingsError(message)
    return value
