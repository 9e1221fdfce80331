"""Limits on every HTTP answer: its size, its duration, and which JSON is accepted. Knows no service.

A service, or a proxy in between, may send anything.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any, Final, NoReturn

import httpx

LARGEST: Final = 32 * 1024 * 1024
"""Bytes after decompression. A larger answer is an error.

The largest known synchronization schema has 2 MB. A page of 999 users with all properties has 4 MB.
"""
WITHIN: Final = 90.0
"""Seconds from sending a request to the last byte of its answer, even if each single read is in time."""
BEARER: Final = re.compile(r"[\x21-\x7e]+")
"""The characters of a bearer token. httpx refuses other characters in a header, and quotes the header in its error."""

_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_CODED: Final = ("content-encoding", "content-length", "transfer-encoding")


class UnacceptableAnswerError(httpx.RequestError):
    """An answer is too large or too slow. The message follows the server's name. A retry would not help."""


class Answer(httpx.Response):
    """A complete answer. :func:`read_json` reads its JSON."""

    def json(self, **options: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Return the body as JSON.

        Raises:
            ValueError: :func:`read_json` does not accept the body.
        """
        del options
        return read_json(self.content)


def too_large() -> str:
    """Return what an answer that is too large contained, to follow "answered"."""
    return f"more than {LARGEST // 1024**2} MB"


def too_slow(seconds: float) -> str:
    """Return how an answer that took too long came, to follow "answered"."""
    return f"too slowly: the answer was incomplete after {seconds:g} s"


async def whole_body(response: httpx.Response) -> bytes | None:
    """Return the body of a streamed answer, or None if it is longer than :data:`LARGEST`. Then reading stops."""
    received = bytearray()
    async for piece in response.aiter_bytes():
        received += piece
        if len(received) > LARGEST:
            return None
    return bytes(received)


async def whole(send: Any, request: httpx.Request, within: float) -> Answer:  # noqa: ANN401 - a bound method of httpx
    """Send a request and return its complete answer, within the limits of size and time.

    Args:
        send: Sends the request and returns a streamed :class:`httpx.Response`.
        request: The request.
        within: Seconds from sending the request to the last byte.

    Raises:
        UnacceptableAnswerError: The answer is too large or too slow.
        httpx.TransportError: The server did not answer.
    """
    try:
        async with asyncio.timeout(within):
            response: httpx.Response = await send(request)
            try:
                body = await whole_body(response)
            finally:
                await response.aclose()
    except TimeoutError as error:
        message = f"answered {too_slow(within)}"
        raise UnacceptableAnswerError(message, request=request) from error
    if body is None:
        message = f"answered {too_large()}"
        raise UnacceptableAnswerError(message, request=request)
    headers = [(name, value) for name, value in response.headers.multi_items() if name.lower() not in _CODED]
    return Answer(response.status_code, headers=headers, content=body, request=response.request)


def read_json(body: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Return the JSON value of a body. Refuses NaN, unpaired surrogates and endless nesting, which break later steps.

    Raises:
        ValueError: The body is not accepted.
    """
    try:
        content = json.loads(body, parse_constant=_refuse_constant)
        if _SURROGATE.search(body):
            json.dumps(content, ensure_ascii=False).encode()  # an unpaired surrogate fails here
    except RecursionError as error:
        message = "nested too deeply"
        raise ValueError(message) from error
    return content


def read_object(body: bytes) -> dict[str, Any] | None:
    """Return the JSON object of a body, or None if :func:`read_json` refuses it or it is not an object."""
    try:
        content = read_json(body)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is not JSON"
    raise ValueError(message)
