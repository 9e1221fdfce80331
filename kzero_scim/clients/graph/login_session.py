"""The transport of azure-identity's synchronous credentials: limits answers, follows no redirect. Knows no credential.

A redirect would carry the secret away. Import this module only when needed: ``requests`` and ``azure.core`` are slow.
"""

from __future__ import annotations

import time
from typing import Any, Final

import requests
from azure.core.pipeline.transport import RequestsTransport

from kzero_scim.clients.answers import too_slow
from kzero_scim.clients.retries import bound_retry_after
from kzero_scim.clients.tls import ca_file
from kzero_scim.errors import GraphError

LARGEST: Final = 4 * 1024 * 1024
"""Bytes. A token has a few thousand, the login's own description about 2,000."""
WITHIN: Final = 60.0
"""Seconds from sending a request to the last byte of its answer."""
_PIECE: Final = 64 * 1024


class LoginSession(requests.Session):
    """A session that reads each answer completely, within limits of size and time.

    Args:
        within: Seconds from sending a request to the last byte of its answer.
    """

    def __init__(self, within: float = WITHIN) -> None:
        """Open no connection yet."""
        super().__init__()
        self._within = within

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # noqa: ANN401 - as in requests
        """Send a request and return its complete answer.

        Raises:
            GraphError: The answer is too large, too slow or a redirect.
        """
        until = time.monotonic() + self._within
        response = super().send(request, **{**options, "stream": True, "allow_redirects": False})
        host = request.url.split("/")[2] if request.url else "the login"
        try:
            if response.is_redirect:
                message = (
                    f"{host} answered {response.status_code}, a redirect; credentials are not sent to another address"
                )
                raise GraphError(message)
            received = bytearray()
            for piece in response.iter_content(_PIECE):
                received += piece
                if len(received) > LARGEST:
                    message = f"{host} answered more than {LARGEST // 1024**2} MB"
                    raise GraphError(message)
                if time.monotonic() > until:
                    message = f"{host} answered {too_slow(self._within)}"
                    raise GraphError(message)
        finally:
            response.close()
        bound_retry_after(response.headers)
        response._content = bytes(received)  # noqa: SLF001 - requests keeps a body that was read here
        return response


def login_transport() -> RequestsTransport:
    """Return the ``transport`` for azure-identity's credentials."""
    return RequestsTransport(
        session=LoginSession(),
        connection_verify=ca_file() or True,  # azure-identity does not read SSL_CERT_FILE by itself
        connection_timeout=10,
        read_timeout=30,
    )
