"""Says in one line what Microsoft Graph refused, why, and what to do next. Sends nothing.

Error documents: https://learn.microsoft.com/graph/errors
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import httpx

from kzero_scim.clients.answers import read_object
from kzero_scim.clients.graph.operations import operation
from kzero_scim.clients.retries import root_cause, untrusted
from kzero_scim.clients.tls import ca_file
from kzero_scim.errors import GraphError

_LONGEST: Final = 600
"""Characters of Graph's own message that are shown."""

_ADVICE: Final[Mapping[int, str]] = {
    401: "Graph does not accept the token; check that ARM_TENANT_ID, ARM_CLIENT_ID and the cloud belong together",
    404: "it does not exist (any more), or is too new to be seen",
    413: "it is too large for Graph",
    423: "the tenant or the object is locked; try again later",
    429: "Graph is throttling this application; try again later",
}


def refused(
    method: str, path: str, status: int, body: Mapping[str, Any], headers: httpx.Headers | None = None
) -> GraphError:
    """Say what an error answer means.

    Args:
        method: The request's.
        path: The request's, relative to the version.
        status: The HTTP status.
        body: Graph's error document, ``{}`` if there is none.
        headers: The answer's headers, for the request id.
    """
    doing = operation(method, path)
    error = body.get("error")
    details: Mapping[str, Any] = error if isinstance(error, dict) else {}
    code = str(details.get("code") or "")
    said = _message(details)
    parts = [f"cannot {doing.words}: Microsoft Graph answered {status}"]
    if code:
        parts.append(f" {code}")
    if said:
        parts.append(f": {said}")
    if 300 <= status < 400:  # noqa: PLR2004 - the redirects
        parts.append("; redirects are not followed; check the proxy and ARM_METADATA_HOSTNAME")
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
    """Say why a request got no answer."""
    start = f"cannot {operation(method, path).words}: Microsoft Graph"
    if refusal := untrusted(error):
        store = ca_file() or "the default trust store"
        return GraphError(
            f"{start}'s certificate is not trusted ({refusal.verify_message}); checked against {store}; "
            "set SSL_CERT_FILE to the CA that issued it"
        )
    return GraphError(
        f"{start} gave no answer: {root_cause(error)}; check the network and the proxy settings (HTTPS_PROXY, NO_PROXY)"
    )


def unexpected(path: str, what: str, method: str = "GET") -> GraphError:
    """Say that an answer is not what Graph answers."""
    return GraphError(
        f"cannot {operation(method, path).words}: Microsoft Graph answered {what}; is a proxy in between, or "
        "ARM_METADATA_HOSTNAME wrong?"
    )


def exhausted(failure: GraphError, attempts: int, asked: float | None) -> GraphError:
    """Add to a failure how often it was tried, or how long Graph wants to be left alone."""
    wish = f", and it asks to wait {asked:.0f} s" if asked is not None else ""
    tried = f"tried {attempts} times{wish}" if attempts > 1 or wish else "tried once"
    return GraphError(f"{failure} [{tried}]", status=failure.status, code=failure.code)


def _message(details: Mapping[str, Any]) -> str:
    """Give Graph's message in one line, with that of an inner error, where the synchronization service puts its own."""
    inner = details.get("innerError") or details.get("innererror")
    deeper = inner if isinstance(inner, dict) else {}
    texts = [_one_line(details.get("message"))]
    texts += [_one_line(deeper.get(key)) for key in ("code", "message")]
    return ": ".join(dict.fromkeys(filter(None, texts)))


def _one_line(text: object) -> str:
    """Give a message in one line; the synchronization service packs a whole document into one as JSON."""
    if not isinstance(text, str):
        return ""
    packed = read_object(text.encode()) if text.lstrip().startswith("{") else None
    for key in ("Message", "message", "error_description"):
        if packed and isinstance(packed.get(key), str):
            text = str(packed[key])
    line = " ".join(text.split()).rstrip(". ")
    return line if len(line) <= _LONGEST else line[:_LONGEST] + "..."


def _request_id(details: Mapping[str, Any], headers: httpx.Headers | None) -> str:
    inner = details.get("innerError")
    from_body = inner.get("request-id") if isinstance(inner, dict) else None
    return str(from_body or (headers.get("request-id") if headers else None) or "")
