"""What azure-identity sends its requests by: answers within bounds, and no redirect, since the secret would go with it.

Imports ``requests`` and ``azure.core``, which are slow to import: imported when first needed.
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
"""Bytes; a token has some thousand, the login's own description about 2,000."""
WITHIN: Final = 60.0
"""Seconds from sending a request to the last byte of its answer."""
_PIECE: Final = 64 * 1024


class LoginSession(requests.Session):
    """A session that reads each answer at once, and no more than is reasonable.

    Args:
        within: Seconds from sending a request to the last byte of its answer.
    """

    def __init__(self, within: float = WITHIN) -> None:
        """Open nothing yet."""
        super().__init__()
        self._within = within

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # noqa: ANN401 - as in requests
        """Send a request.

        Raises:
            GraphError: The answer is too large, too slow, or sends the credentials elsewhere.
        """
        until = time.monotonic() + self._within
        response = super().send(request, **{**options, "stream": True, "allow_redirects": False})
        host = request.url.split("/")[2] if request.url else "the login"
        try:
            if response.is_redirect:
                message = f"{host} answered {response.status_code}, a redirect; the credentials are not sent on"
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
        response._content = bytes(received)  # noqa: SLF001 - where requests keeps a body that was read
        return response


def login_transport() -> RequestsTransport:
    """Give what azure-identity's credentials take as their ``transport``."""
    return RequestsTransport(
        session=LoginSession(),
        connection_verify=ca_file() or True,  # azure-identity does not read SSL_CERT_FILE by itself
        connection_timeout=10,
        read_timeout=30,
    )
