"""Fingerprints of secrets, which change with the secret and do not reveal it. Knows no resource."""

from __future__ import annotations

import hashlib
from typing import Final

_COST: Final = 2**14
"""Cost of scrypt: 16 MB and about 50 ms."""


def token_fingerprint(service_principal_id: str, token: str | None) -> str | None:
    """Return a hash of the token (scrypt, salted with the service principal's ID), or None without a token."""
    if not token:
        return None
    salt = f"kzero-scim:{service_principal_id}".encode()
    return hashlib.scrypt(token.encode(), salt=salt, n=_COST, r=8, p=1, dklen=32).hex()
