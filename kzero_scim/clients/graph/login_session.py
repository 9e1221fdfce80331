"""The transport of azure-identity's synchronous credentials: limits answers, follows no redirect. Knows no credential.

A redirect would carry the secret away. Import this module only when needed: ``requests`` and ``azure.core`` are slow.
"""

from __future__ import annotations

import time
from typing import Any, Final

import requests
import urllib3
from azure.core.pipeline.transport import RequestsTransport

from kzero_scim.clients.answers import check_values, too_slow
from kzero_scim.clients.body import ACCEPTED, Body, UnreadableBodyError
from kzero_scim.clients.graph.login_limits import LARGEST, MOST_VALUES, WITHIN, note_answer, require_login
from kzero_scim.clients.proxies import check_proxies
from kzero_scim.clients.retries import bound_retry_after
from kzero_scim.clients.tls import ca_file, check_bundle_of_requests
from kzero_scim.errors import GraphError

_PIECE: Final = 64 * 1024


class LoginSession(requests.Session):
    """A session that reads each answer completely, within limits of size and time.

    Args:
        within: Seconds from sending a request to the last byte of its answer.
        login: The only server to ask; any if it is empty.
    """

    def __init__(self, within: float = WITHIN, login: str = "") -> None:
        """Open no connection yet."""
        super().__init__()
        self._login = login
        self.headers["Accept-Encoding"] = ACCEPTED
        self._within = within

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # noqa: ANN401 - as in requests
        """Send a request and return its complete answer.

        Raises:
            GraphError: The request is for another server, or the answer is too large, too slow, compressed more than
                once, or a redirect.
        """
        require_login(request.url or "", self._login)
        until = time.monotonic() + self._within
        response = super().send(request, **{**options, "stream": True, "allow_redirects": False})
        host = request.url.split("/")[2] if request.url else "the login"
        try:
            if response.is_redirect:
                message = (
                    f"{host} answered {response.status_code}, a redirect, which is not followed; check "
                    "ARM_METADATA_HOSTNAME and any proxy in between"
                )
                raise GraphError(message)
            body = Body(response.headers.get("Content-Encoding"), LARGEST)
            # read1 returns what is there; read waits until all of a piece has come.
            while not body.is_too_large and (piece := response.raw.read1(_PIECE, decode_content=False)):
                body.add(piece)
                if time.monotonic() > until:
                    message = f"{host} answered {too_slow(self._within)}"
                    raise GraphError(message)
            content = body.whole()
            check_values(content, MOST_VALUES)
            note_answer(response.status_code, content)
        except urllib3.exceptions.HTTPError as error:
            raise requests.ConnectionError(error, request=request) from error
        except (UnreadableBodyError, ValueError) as error:
            message = f"{host} answered {error}"
            raise GraphError(message) from None
        finally:
            response.close()
        bound_retry_after(response.headers)
        response._content = content  # noqa: SLF001 - requests keeps a body that was read here,
        response._content_consumed = True  # type: ignore[attr-defined]  # noqa: SLF001 - and notes here that it was
        return response


def login_transport(login: str = "") -> RequestsTransport:
    """Return the ``transport`` for azure-identity's credentials, which asks only this login, or any if it is empty."""
    check_proxies()
    check_bundle_of_requests()
    return RequestsTransport(
        session=LoginSession(login=login),
        connection_verify=ca_file() or True,  # azure-identity does not read SSL_CERT_FILE by itself
        connection_timeout=10,
        read_timeout=30,
    )
