"""Compares addresses by server, regardless of spelling. Knows no service."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

_PORTS: Final = {"https": 443, "http": 80}


def origin(address: str) -> str | None:
    """Return scheme, lower-case host and port, as in ``https://ca.auth.kzero.com:443``; None without a valid port."""
    parts = urlsplit(address.strip())
    scheme = parts.scheme.lower()
    try:
        port = _PORTS.get(scheme) if parts.port is None else parts.port
    except ValueError:
        return None
    return f"{scheme}://{parts.hostname}:{port}" if port else None
