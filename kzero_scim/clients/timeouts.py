"""How long clients wait for an answer. KZERO_SCIM_TIMEOUT sets it, for slow lines and for services that hang."""

from __future__ import annotations

import os
from typing import Final

from kzero_scim.errors import SettingsError

VARIABLE: Final = "KZERO_SCIM_TIMEOUT"
_LONGEST: Final = 3600.0


def seconds(default: float) -> float:
    """Give the seconds to wait for each read of an answer: the variable's, or the client's own.

    Raises:
        SettingsError: The variable holds no number of seconds between 0 and an hour.
    """
    text = os.environ.get(VARIABLE, "").strip()
    if not text:
        return default
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value <= _LONGEST:
        message = f"{VARIABLE}: '{text}' is not valid; give the seconds to wait for an answer, above 0 and at most 3600"
        raise SettingsError(message)
    return value
