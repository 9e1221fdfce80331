"""Gets an id token from a pipeline's own service, to exchange for Entra's. Synchronous: runs in a thread."""

from __future__ import annotations

import time
from typing import Final

import httpx

from kzero_scim.clients.answers import read_object
from kzero_scim.clients.body import ACCEPTED, Body, UnreadableBodyError
from kzero_scim.clients.proxies import check_proxies
from kzero_scim.clients.retries import USER_AGENT, root_cause
from kzero_scim.clients.tls import ssl_context
from kzero_scim.errors import GraphError

LARGEST: Final = 1024 * 1024
"""Bytes to read of an answer. An id token has a few thousand."""
WITHIN: Final = 60.0
"""Seconds for an answer."""
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})


def github_token(url: str, bearer: str, audience: str) -> str:
    """Return an id token of GitHub Actions.

    https://docs.github.com/actions/reference/security/oidc: add the audience, get ``{"value": token}``.

    Raises:
        GraphError: The service issued no token.
    """
    target = httpx.URL(url).copy_merge_params({"audience": audience})
    return _id_token("GET", target, bearer, "value")


def devops_token(url: str, bearer: str, connection: str) -> str:
    """Return an id token of Azure DevOps for a service connection.

    https://learn.microsoft.com/rest/api/azure/devops/distributedtask/oidctoken/create

    Raises:
        GraphError: The service issued no token.
    """
    target = httpx.URL(url).copy_merge_params({"api-version": "7.1", "serviceConnectionId": connection})
    return _id_token("POST", target, bearer, "oidcToken")


def _id_token(method: str, url: httpx.URL, bearer: str, field: str) -> str:
    headers = {
        "Authorization": f"Bearer {bearer}",
        "Accept": "application/json",
        "Accept-Encoding": ACCEPTED,
        "User-Agent": USER_AGENT,
    }
    if url.scheme != "https" and url.host not in _LOOPBACK:
        message = f"cannot send the pipeline's token to id token service {url.host} unencrypted; the URL must be https"
        raise GraphError(message)
    check_proxies()
    try:
        with (
            httpx.Client(verify=ssl_context(), timeout=30.0, headers=headers, follow_redirects=False) as client,
            client.stream(method, url, json={} if method == "POST" else None) as response,
        ):
            document = read_object(_beginning(response)) if response.is_success else {}
    except (httpx.HTTPError, ValueError) as error:
        message = f"cannot get an id token from the pipeline's service {url.host}: {root_cause(error)}"
        raise GraphError(message) from error
    except UnreadableBodyError as error:
        message = f"cannot get an id token from the pipeline's service {url.host}: it answered {error}"
        raise GraphError(message) from None
    token = document.get(field) if isinstance(document, dict) else None
    if not isinstance(token, str) or not token:
        message = (
            f"cannot get an id token from the pipeline's service {url.host}: it answered {response.status_code} "
            "without a token; allow the job to request id tokens (GitHub: permissions: id-token: write)"
        )
        raise GraphError(message, status=response.status_code)
    return token


def _beginning(response: httpx.Response) -> bytes:
    """Return the body, or nothing if it is too slow.

    Raises:
        UnreadableBodyError: The body is too large, or compressed more than once.
    """
    body, until = Body(response.headers.get("Content-Encoding"), LARGEST), time.monotonic() + WITHIN
    for piece in response.iter_raw():
        body.add(piece)
        if body.is_too_large:
            break
        if time.monotonic() > until:
            return b""
    return body.whole()
