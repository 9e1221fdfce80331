"""Refusals of the local Graph, in the shape that Microsoft Graph answers errors in.

Follows learn.microsoft.com/graph/errors.
"""

import uuid
from datetime import UTC, datetime
from typing import Any, NoReturn


class GraphError(Exception):
    """A request that Graph refuses; rendered as `{"error": {...}}`."""

    def __init__(self, status: int, code: str, message: str, *, inner: dict[str, Any] | None = None) -> None:
        """Make the refusal.

        Args:
            status: HTTP status.
            code: Graph's error code, for example Request_ResourceNotFound.
            message: Graph's message.
            inner: further members of innerError.
        """
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.inner = inner or {}


def not_found(what: str) -> GraphError:
    """Return the 404 that Graph gives for an object id it does not know."""
    return GraphError(
        404,
        "Request_ResourceNotFound",
        f"Resource '{what}' does not exist or one of its queried reference-property objects are not present.",
    )


def refuse(message: str, *, code: str = "Request_BadRequest", status: int = 400) -> NoReturn:
    """Refuse the request.

    Raises:
        GraphError: always.
    """
    raise GraphError(status, code, message)


def deny() -> NoReturn:
    """Refuse a token that lacks the permission.

    Raises:
        GraphError: 403, always.
    """
    refuse("Insufficient privileges to complete the operation.", code="Authorization_RequestDenied", status=403)


def error_body(error: GraphError, client_request_id: str | None = None) -> dict[str, Any]:
    """Render a refusal as Graph's JSON body."""
    request_id = str(uuid.uuid4())
    return {
        "error": {
            "code": error.code,
            "message": error.message,
            "innerError": {
                **error.inner,
                "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S"),
                "request-id": request_id,
                "client-request-id": client_request_id or request_id,
            },
        }
    }
