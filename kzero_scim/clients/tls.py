"""Which certificate authorities every client trusts; verification itself is never off."""

from __future__ import annotations

import os
import ssl
from functools import cache


def ca_file() -> str | None:
    """Give the CA bundle named by ``SSL_CERT_FILE``, or None for the default trust store."""
    return os.environ.get("SSL_CERT_FILE") or None


def ssl_context() -> ssl.SSLContext:
    """Give a verifying TLS context over :func:`ca_file`; one an environment setting, as making one takes 20 ms."""
    return _context(ca_file())


@cache
def _context(bundle: str | None) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=bundle)
