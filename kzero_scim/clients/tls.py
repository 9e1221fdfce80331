"""The certificate authorities that every client trusts. Verification is always on."""

from __future__ import annotations

import os
import ssl
from functools import cache
from pathlib import Path
from typing import Final

from kzero_scim.display import plain
from kzero_scim.errors import SettingsError
from kzero_scim.redaction import current

_VARIABLE: Final = "SSL_CERT_FILE"
_OF_REQUESTS: Final = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
"""Variables that ``requests``, which azure-identity uses, reads where :data:`_VARIABLE` is not set."""
_LONGEST_PATH: Final = 300


def ca_file() -> str | None:
    """Return the CA bundle that ``SSL_CERT_FILE`` names, or None for the default trust store."""
    return os.environ.get(_VARIABLE) or None


def ssl_context() -> ssl.SSLContext:
    """Return a verifying TLS context for :func:`ca_file`. Contexts are cached, because making one takes 20 ms.

    Raises:
        SettingsError: The bundle cannot be used.
    """
    return _context(ca_file(), _VARIABLE)


def check_bundle_of_requests() -> None:
    """Check the CA bundle that ``requests`` uses.

    Raises:
        SettingsError: It cannot be used.
    """
    variable = next((name for name in (_VARIABLE, *_OF_REQUESTS) if os.environ.get(name)), None)
    if variable is not None and not Path(os.environ[variable]).is_dir():
        _context(os.environ[variable], variable)


def named(variable: str, path: str) -> str:
    """Return words for the file that a variable names: with its path, unless the value cannot be a path.

    A certificate or a key may have been put where its path belongs, and must not be shown.
    """
    shown = shown_path(path)
    return f"{shown}, which {variable} names" if shown else f"the file that {variable} names"


def shown_path(path: str) -> str:
    """Return a path for a message, "" for a value that cannot be a path."""
    is_path = path.isprintable() and len(path) <= _LONGEST_PATH and "-----" not in path
    return plain(current().redact(path)) if is_path else ""


@cache
def _context(bundle: str | None, variable: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=bundle)
    except (OSError, ValueError) as error:
        if isinstance(error, ssl.SSLError):
            reason = "it holds no certificate in PEM format"
        else:
            reason = (error.strerror if isinstance(error, OSError) else None) or "that is not a path"
        message = (
            f"the certificate authorities cannot be read from {named(variable, bundle or '')}: {reason}; "
            f"correct {variable}, or unset it to use the default trust store"
        )
        raise SettingsError(message) from None
