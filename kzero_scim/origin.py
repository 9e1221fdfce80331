"""What makes two addresses the same server, however they are spelled. Pure."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

_PORTS: Final = {"https": 443, "http": 80}


def origin(address: str) -> str | None:
    """Give scheme, host in lower case, and port: ``https://ca.auth.kzero.com:443``; None if the port is none."""
    parts = urlsplit(address.strip())
    scheme = parts.scheme.lower()
    try:
        port = _PORTS.get(scheme) if parts.port is None else parts.port
    except ValueError:
        return None
    return f"{scheme}://{parts.hostname}:{port}" if port else None
