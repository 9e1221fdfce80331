"""Errors of Microsoft Graph in one line: what was refused, why, and the remedy. Sends nothing.

Error documents: https://learn.microsoft.com/graph/errors
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import httpx

from kzero_scim.clients.answers import read_object
from kzero_scim.clients.graph.operations import operation
from kzero_scim.clients.retries import is_momentary, root_cause, untrusted
from kzero_scim.clients.tls import ca_file
from kzero_scim.errors import GraphError
from kzero_scim.redaction import shortened

_LONGEST_CODE: Final = 100
"""The most characters of Graph's error code, and of the request id, to show."""
_LONGEST: Final = 600
"""The most characters of Graph's own message to show."""

_ADVICE: Final[Mapping[int, str]] = {
    401: "Graph does not accept the token; check that ARM_TENANT_ID, ARM_CLIENT_ID and the cloud belong together",
    404: "it does not exist, was deleted, or is too new for all of Graph's replicas",
    413: "the request is too large for Graph",
    423: "the tenant or the object is locked; try again later",
    429: "Graph is throttling this application; try again later",
}


def refused(
    method: str, path: str, status: int, body: Mapping[str, Any], headers: httpx.Headers | None = None
) -> GraphError:
    """Return the error for an answer that refuses a request.

    Args:
        method: The request's method.
        path: The request's path, relative to ``/v1.0``.
        status: The HTTP status.
        body: Graph's error document, or ``{}``.
        headers: The answer's headers, for the request id.
    """
    doing = operation(method, path)
    error = body.get("error")
    details: Mapping[str, Any] = error if isinstance(error, dict) else {}
    code = shortened(str(details.get("code") or ""), _LONGEST_CODE)
    said = _message(details)
    parts = [f"cannot {doing.words}: Microsoft Graph answered {status}"]
    if code:
        parts.append(f" {code}")
    if said:
        parts.append(f": {said}")
    if 300 <= status < 400:  # noqa: PLR2004 - the redirects
        parts.append(", and redirects are not followed; check the proxy and ARM_METADATA_HOSTNAME")
    elif not code and not is_momentary(status):
        parts.append(", but the answer is not from Graph; check ARM_METADATA_HOSTNAME and any proxy in between")
    elif status == httpx.codes.FORBIDDEN and doing.permission:
        parts.append(
            f"; grant the application permission {doing.permission} with admin consent to the application that "
            "signs in, wait a minute, and try again"
        )
    elif advice := _ADVICE.get(status):
        parts.append(f"; {advice}")
    if request_id := _request_id(details, headers):
        parts.append(f" (request id {request_id})")
    return GraphError("".join(parts), status=status, code=code)


def unreachable(method: str, path: str, error: httpx.HTTPError) -> GraphError:
    """Return the error for a request that got no answer."""
    start = f"cannot {operation(method, path).words}:"
    if refusal := untrusted(error):
        store = ca_file() or "the default trust store"
        return GraphError(
            f"{start} Microsoft Graph's certificate is not trusted ({refusal.verify_message}; checked against "
            f"{store}); set SSL_CERT_FILE to the CA that issued it"
        )
    return GraphError(
        f"{start} Microsoft Graph did not answer ({root_cause(error)}); check the network and the proxy settings "
        "(HTTPS_PROXY, NO_PROXY)"
    )


def unexpected(path: str, what: str, method: str = "GET") -> GraphError:
    """Return the error for an answer that Graph does not document."""
    return GraphError(
        f"cannot {operation(method, path).words}: Microsoft Graph answered {what}; check ARM_METADATA_HOSTNAME and any "
        "proxy in between"
    )


def exhausted(failure: GraphError, attempts: int, asked: float | None) -> GraphError:
    """Return a failure with the number of attempts and the wait that Graph asked for, if any."""
    wish = f", and Graph asks to wait {asked:.0f} s" if asked is not None else ""
    tried = f"tried {attempts} times{wish}" if attempts > 1 or wish else "tried once"
    return GraphError(f"{failure} [{tried}]", status=failure.status, code=failure.code)


def _message(details: Mapping[str, Any]) -> str:
    """Return Graph's message and the inner error's, in one line. The synchronization service uses the inner one."""
    inner = details.get("innerError") or details.get("innererror")
    deeper = inner if isinstance(inner, dict) else {}
    texts = [_one_line(details.get("message"))]
    texts += [_one_line(deeper.get(key)) for key in ("code", "message")]
    return ": ".join(dict.fromkeys(filter(None, texts)))


def _one_line(text: object) -> str:
    """Return a message in one line. The synchronization service packs a JSON document into its messages."""
    if not isinstance(text, str):
        return ""
    packed = read_object(text.encode()) if text.lstrip().startswith("{") else None
    for key in ("Message", "message", "error_description"):
        if packed and isinstance(packed.get(key), str):
            text = str(packed[key])
    line = shortened(" ".join(text.split()), _LONGEST + 1).rstrip(". ")
    return line if len(line) <= _LONGEST else line[:_LONGEST] + "..."


def _request_id(details: Mapping[str, Any], headers: httpx.Headers | None) -> str:
    inner = details.get("innerError")
    from_body = inner.get("request-id") if isinstance(inner, dict) else None
    return shortened(str(from_body or (headers.get("request-id") if headers else None) or ""), _LONGEST_CODE)
