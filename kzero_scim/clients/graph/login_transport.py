"""The transport of azure-identity's asynchronous credentials, on shared connections. Follows no redirect.

Import this module only when needed: ``azure.core`` is slow to import.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

import httpx
from azure.core.exceptions import ServiceRequestError
from azure.core.pipeline.transport import AsyncHttpResponse, AsyncHttpTransport

from kzero_scim.clients.answers import UnacceptableAnswerError, check_values
from kzero_scim.clients.graph.login_limits import LARGEST, MOST_VALUES, WITHIN, note_answer, require_login
from kzero_scim.clients.retries import ONCE, RetryingClient, bound_retry_after, root_cause, untrusted
from kzero_scim.errors import GraphError


class LoginTransport(AsyncHttpTransport[Any, Any]):
    """Sends the requests of one credential. The credential itself retries.

    Args:
        transport: Sends the requests.
        login: The only server to ask; any if it is empty.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport, login: str = "") -> None:
        """Open no connection yet."""
        self._login = login
        self._http = RetryingClient(policy=ONCE, within=WITHIN, largest=LARGEST, transport=transport)

    async def send(self, request: Any, **_: Any) -> AsyncHttpResponse:  # noqa: ANN401 - azure.core's request
        """Send a request and return its complete answer.

        Raises:
            GraphError: The request is for another server, or the answer is too large, too slow, compressed more than
                once, or a redirect.
            ServiceRequestError: The server did not answer.
        """
        require_login(str(request.url), self._login)
        try:
            answer = await self._http.request(request.method, request.url, headers=request.headers, data=request.body)
        except UnacceptableAnswerError as error:
            message = f"{httpx.URL(request.url).host} {error}"
            raise GraphError(message) from None  # the credential would retry another error
        except httpx.HTTPError as error:
            refused = untrusted(error)
            reason = f"certificate verify failed: {refused.verify_message}" if refused else root_cause(error)
            raise ServiceRequestError(reason, error=error) from None
        if answer.is_redirect:
            where = f"{answer.url.host} answered {answer.status_code}"
            message = (
                f"{where}, a redirect, which is not followed; check ARM_METADATA_HOSTNAME and any proxy in between"
            )
            raise GraphError(message)
        try:
            check_values(answer.content, MOST_VALUES)
        except ValueError as error:
            message = f"{answer.url.host} answered {error}"
            raise GraphError(message) from None
        note_answer(answer.status_code, answer.content)
        return _Answer(request, answer)

    async def open(self) -> None:
        """Do nothing. Requests open connections."""

    async def close(self) -> None:
        """Close the client. Shared connections stay open."""
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
    """A complete answer in azure.core's form."""

    def __init__(self, request: Any, answer: httpx.Response) -> None:  # noqa: ANN401 - azure.core's request
        super().__init__(request, answer)
        self.status_code = answer.status_code
        self.headers = answer.headers
        bound_retry_after(self.headers)
        self.reason = answer.reason_phrase
        self.content_type = answer.headers.get("Content-Type")

    def body(self) -> bytes:
        """Return the body."""
        content: bytes = self.internal_response.content
        return content
