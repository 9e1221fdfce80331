"""Errors of the local Graph, in the format of Microsoft Graph's errors.

Follows learn.microsoft.com/graph/errors. Must not know HTTP or individual operations.
"""

import math
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NoReturn


class GraphError(Exception):
    """A request that Graph refuses; rendered as `{"error": {...}}`."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        *,
        inner: dict[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Create the error.

        Args:
            status: The HTTP status.
            code: Graph's error code, for example Request_ResourceNotFound.
            message: Graph's message.
            inner: Additional members of innerError.
            headers: Additional headers of the answer.
        """
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.inner = inner or {}
        self.headers = headers or {}


def not_found(what: str) -> GraphError:
    """Return the 404 error that Graph sends for an unknown object id."""
    return GraphError(
        404,
        "Request_ResourceNotFound",
        f"Resource '{what}' does not exist or one of its queried reference-property objects are not present.",
    )


def throttled(seconds: float) -> GraphError:
    """Return the 429 error that Graph sends to a caller that must wait some seconds."""
    headers = {"Retry-After": str(max(1, math.ceil(seconds)))}
    return GraphError(429, "TooManyRequests", "Too many requests. Please retry again later.", headers=headers)


def refuse(message: str, *, code: str = "Request_BadRequest", status: int = 400) -> NoReturn:
    """Refuse the request.

    Raises:
        GraphError: Always.
    """
    raise GraphError(status, code, message)


def deny() -> NoReturn:
    """Refuse a token that lacks the permission.

    Raises:
        GraphError: Always, with status 403.
    """
    refuse("Insufficient privileges to complete the operation.", code="Authorization_RequestDenied", status=403)


def error_body(error: GraphError, client_request_id: str | None = None) -> dict[str, Any]:
    """Return an error as Graph's JSON body."""
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
