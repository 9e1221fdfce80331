"""The certificate authorities that every client trusts. Verification is always on."""

from __future__ import annotations

import os
import ssl
from functools import cache


def ca_file() -> str | None:
    """Return the CA bundle that ``SSL_CERT_FILE`` names, or None for the default trust store."""
    return os.environ.get("SSL_CERT_FILE") or None


def ssl_context() -> ssl.SSLContext:
    """Return a verifying TLS context for :func:`ca_file`. Contexts are cached, because making one takes 20 ms."""
    return _context(ca_file())


@cache
def _context(bundle: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=bundle)
