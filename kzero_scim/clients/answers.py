"""What is accepted of an answer before anything looks inside: how large, how long in coming, and which JSON.

A service, or what sits in between, may send anything. Knows no service.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any, Final, NoReturn

import httpx

LARGEST: Final = 32 * 1024 * 1024
"""Bytes after decompression; a longer answer is an error.

The largest known synchronization schema has 2 MB, and a page of 999 users with all properties 4 MB.
"""
WITHIN: Final = 90.0
"""Seconds from sending a request to the last byte of its answer, where each single read is in time."""
BEARER: Final = re.compile(r"[\x21-\x7e]+")
"""What a bearer token is made of; anything else would be refused, and quoted, by whoever writes the header."""

_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_CODED: Final = ("content-encoding", "content-length", "transfer-encoding")


class UnacceptableAnswerError(httpx.RequestError):
    """An answer is too large or too slow; its text follows the server's name. Asking again would not help."""


class Answer(httpx.Response):
    """A whole answer, whose JSON is read by :func:`read_json`."""

    def json(self, **options: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Read the body.

        Raises:
            ValueError: It is no JSON that is accepted.
        """
        del options
        return read_json(self.content)


def too_large() -> str:
    """Say that an answer is too large, to follow "answered"."""
    return f"more than {LARGEST // 1024**2} MB"


def too_slow(seconds: float) -> str:
    """Say that an answer took too long, to follow "answered"."""
    return f"too slowly: not all was there after {seconds:g} s"


async def whole_body(response: httpx.Response) -> bytes | None:
    """Read a streamed answer's body; None if it is longer than :data:`LARGEST`, and then no more of it is read."""
    received = bytearray()
    async for piece in response.aiter_bytes():
        received += piece
        if len(received) > LARGEST:
            return None
    return bytes(received)


async def whole(send: Any, request: httpx.Request, within: float) -> Answer:  # noqa: ANN401 - a bound method of httpx
    """Send a request and read all of the answer, within bounds.

    Args:
        send: Sends the request and gives a streamed :class:`httpx.Response`.
        request: The request.
        within: Seconds for all of it.

    Raises:
        UnacceptableAnswerError: The answer is too large or too slow.
        httpx.TransportError: There was none.
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
    """Read JSON, and only what every later step can carry: no NaN, no half characters, no bottomless nesting.

    Raises:
        ValueError: It is none of that.
    """
    try:
        content = json.loads(body, parse_constant=_refuse_constant)
        if _SURROGATE.search(body):
            json.dumps(content, ensure_ascii=False).encode()  # half a character fails here
    except RecursionError as error:
        message = "nested too deeply"
        raise ValueError(message) from error
    return content


def read_object(body: bytes) -> dict[str, Any] | None:
    """Read a JSON object; None if it is none that :func:`read_json` accepts."""
    try:
        content = read_json(body)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _refuse_constant(name: str) -> NoReturn:
    message = f"{name} is no JSON"
    raise ValueError(message)
