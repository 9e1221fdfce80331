"""Limits on every HTTP answer: its size, its duration, and which JSON is accepted. Knows no service.

A service, or a proxy in between, may send anything.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import AsyncIterator
from typing import Any, Final, NoReturn

import httpx

from kzero_scim.clients.body import Body, UnreadableBodyError

LARGEST: Final = 16 * 1024 * 1024
"""Bytes after decompression. A larger answer is an error.

The largest known synchronization schema has 2 MB. A page of 999 users with all properties has 4 MB.
"""
MOST_VALUES: Final = 500_000
"""Values in one JSON document. A page of 999 users with all properties has 150,000, and 16 MB can hold 8 million."""
DEEPEST: Final = 64
"""Objects and lists inside each other."""
WITHIN: Final = 90.0
"""Seconds from sending a request to the last byte of its answer, even if each single read is in time."""
BEARER: Final = re.compile(r"[\x21-\x7e]+")
"""The characters of a bearer token. httpx refuses other characters in a header, and quotes the header in its error."""

_SECONDS_PER_VALUE: Final = 1e-6
_SECONDS_PER_BYTE: Final = 1e-8
"""How long Python takes to parse JSON, measured on a slow machine."""
_LARGE: Final = 0.02
"""Seconds of parsing that other tenants do not notice."""
_OTHERS: Final = 4
"""After one tenant's parsing, the other tenants have this many times as long."""
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


class Turns:
    """Lets a tenant's large answers be parsed one after the other, with pauses in which others have their turn.

    Parsing holds the only event loop, and a thread would not help: Python parses in one thread at a time. So a tenant
    whose services send nothing but large answers has at most a fifth of the time.
    """

    def __init__(self) -> None:
        """Start with no turn taken."""
        self._lock = asyncio.Lock()

    async def take(self, body: bytes) -> None:
        """Wait until this body may be parsed. A small one may be parsed at once."""
        seconds = _SECONDS_PER_VALUE * min(values_in(body), MOST_VALUES) + _SECONDS_PER_BYTE * len(body)
        if seconds > _LARGE:
            async with self._lock:
                await asyncio.sleep(_OTHERS * seconds)


def too_slow(seconds: float) -> str:
    """Return how an answer that took too long came, to follow "answered"."""
    return f"too slowly: the answer was incomplete after {seconds:g} s"


async def body_of(response: httpx.Response, largest: int | None = None) -> Body:
    """Read a streamed answer, up to a limit after decompression.

    Args:
        response: The answer, of which nothing was read.
        largest: The most bytes to read, :data:`LARGEST` by default.

    Raises:
        UnreadableBodyError: The body cannot be decompressed, or is compressed more than once.
    """
    # A transport without a network may have read the answer, and then httpx has decompressed it.
    coding = None if response.is_stream_consumed else response.headers.get("Content-Encoding")
    body = Body(coding, largest or LARGEST)
    pieces: AsyncIterator[bytes] = response.aiter_bytes() if response.is_stream_consumed else response.aiter_raw()
    async for piece in pieces:
        body.add(piece)
        if body.is_too_large:
            break
    return body


async def whole(
    send: Any,  # noqa: ANN401 - a bound method of httpx
    request: httpx.Request,
    within: float,
    largest: int | None = None,
    turns: Turns | None = None,
) -> Answer:
    """Send a request and return its complete answer, within the limits of size and time.

    Args:
        send: Sends the request and returns a streamed :class:`httpx.Response`.
        request: The request.
        within: Seconds from sending the request to the last byte.
        largest: The most bytes after decompression, :data:`LARGEST` by default.
        turns: When the answer may be parsed; None for at once.

    Raises:
        UnacceptableAnswerError: The answer is too large, too slow, or compressed more than once.
        httpx.TransportError: The server did not answer.
    """
    try:
        async with asyncio.timeout(within):
            response: httpx.Response = await send(request)
            try:
                body = (await body_of(response, largest)).whole()
            finally:
                await response.aclose()
    except TimeoutError as error:
        message = f"answered {too_slow(within)}"
        raise UnacceptableAnswerError(message, request=request) from error
    except UnreadableBodyError as error:
        message = f"answered {error}"
        raise UnacceptableAnswerError(message, request=request) from error
    if turns is not None:
        await turns.take(body)
    headers = [(name, value) for name, value in response.headers.multi_items() if name.lower() not in _CODED]
    return Answer(response.status_code, headers=headers, content=body, request=response.request)


def values_in(body: bytes) -> int:
    """Return how many JSON values a body has at most: its commas and opening brackets, those in texts included."""
    return sum(map(body.count, (b",", b"[", b"{")))


def check_values(body: bytes, most: int = MOST_VALUES) -> None:
    """Refuse a body that may hold too many JSON values: an empty list takes two bytes in it and 64 in memory.

    Raises:
        ValueError: Commas and opening brackets are more than ``most``, those in texts included.
    """
    if values_in(body) > most:
        message = f"more than {most} values"
        raise ValueError(message)


def read_json(body: bytes, most: int = MOST_VALUES) -> Any:  # noqa: ANN401 - any JSON value
    """Return the JSON value of a body.

    Refuses NaN, infinity and unpaired surrogates, which break later steps, and documents that need far more memory than
    their size: too many values, or too many levels.

    Args:
        body: UTF-8.
        most: The most values.

    Raises:
        ValueError: The body is not accepted.
    """
    check_values(body, most)
    try:
        content = json.loads(body, parse_constant=_refuse_constant, parse_float=_finite)
        if isinstance(content, dict | list):
            count_values(content)
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


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        message = f"{text} is too large"
        raise ValueError(message)
    return number


def count_values(content: dict[str, Any] | list[Any]) -> int:
    """Return the number of values inside a JSON object or list, without recursion.

    Raises:
        ValueError: It has more than :data:`DEEPEST` levels.
    """
    level: list[Any] = [content]
    count = 0
    for _ in range(DEEPEST):
        inside: list[Any] = []
        for container in level:
            values = container.values() if isinstance(container, dict) else container
            inside += [value for value in values if isinstance(value, dict | list)]
            count += len(values)
        if not inside:
            return count
        level = inside
    message = f"more than {DEEPEST} levels"
    raise ValueError(message)
