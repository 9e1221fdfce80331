"""Fingerprints of secrets: they change with the secret and do not give it away. Knows no resource."""

from __future__ import annotations

import hashlib
from typing import Final

_COST: Final = 2**14
"""scrypt: 16 MB and about 50 ms."""


def token_fingerprint(service_principal_id: str, token: str | None) -> str | None:
    """Give something that changes with the token and does not give it away: scrypt, salted with the principal's id."""
    if not token:
        return None
    salt = f"kzero-scim:{service_principal_id}".encode()
    return hashlib.scrypt(token.encode(), salt=salt, n=_COST, r=8, p=1, dklen=32).hex()
