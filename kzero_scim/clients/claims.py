"""What a token says about itself, read without verifying it: to explain and to foretell, never to trust."""

from __future__ import annotations

import base64
from typing import Any

from kzero_scim.clients.answers import read_object


def claims_of(token: object) -> dict[str, Any] | None:
    """Read a JWT's claims; None if it is no JWT that can be read."""
    if not isinstance(token, str):
        return None
    try:
        payload = token.split(".")[1]
        return read_object(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return None
