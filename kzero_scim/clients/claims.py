"""Reads the claims of a token without verifying them, for explanations and forecasts. Never base trust on them."""

from __future__ import annotations

import base64
from typing import Any

from kzero_scim.clients.answers import read_object


def claims_of(token: object) -> dict[str, Any] | None:
    """Return a JWT's claims, or None if it is not a readable JWT."""
    if not isinstance(token, str):
        return None
    try:
        payload = token.split(".")[1]
        return read_object(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return None
