"""What azure-identity's asynchronous credentials send by: connections that tenants share, and no redirect.

Imports ``azure.core``, which is slow to import: imported when first needed.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

import httpx
from azure.core.exceptions import ServiceRequestError
from azure.core.pipeline.transport import AsyncHttpResponse, AsyncHttpTransport

from kzero_scim.clients.retries import ONCE, RetryingClient, bound_retry_after, root_cause, untrusted
from kzero_scim.errors import GraphError


class LoginTransport(AsyncHttpTransport[Any, Any]):
    """Sends the requests of one credential; it is the credential that repeats them.

    Args:
        transport: What sends.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport) -> None:
        """Open nothing yet."""
        self._http = RetryingClient(policy=ONCE, within=60.0, transport=transport)

    async def send(self, request: Any, **_: Any) -> AsyncHttpResponse:  # noqa: ANN401 - azure.core's request
        """Send a request.

        Raises:
            GraphError: The answer sends the credentials elsewhere.
            ServiceRequestError: There is none.
        """
        try:
            answer = await self._http.request(request.method, request.url, headers=request.headers, data=request.body)
        except httpx.HTTPError as error:
            refused = untrusted(error)
            reason = f"certificate verify failed: {refused.verify_message}" if refused else root_cause(error)
            raise ServiceRequestError(reason, error=error) from None
        if answer.is_redirect:
            message = f"{answer.url.host} answered {answer.status_code}, a redirect; the credentials are not sent on"
            raise GraphError(message)
        return _Answer(request, answer)

    async def open(self) -> None:
        """Do nothing: connections are opened by requests."""

    async def close(self) -> None:
        """Close the client; shared connections stay."""
        await self._http.aclose()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None = None,
        exc_value: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:
        """Close the client."""
        await self.close()


class _Answer(AsyncHttpResponse):
    """An answer that was read whole, as azure.core sees one."""

    def __init__(self, request: Any, answer: httpx.Response) -> None:  # noqa: ANN401 - azure.core's request
        super().__init__(request, answer)
        self.status_code = answer.status_code
        self.headers = answer.headers
        bound_retry_after(self.headers)
        self.reason = answer.reason_phrase
        self.content_type = answer.headers.get("Content-Type")

    def body(self) -> bytes:
        """Give the body."""
        content: bytes = self.internal_response.content
        return content
