"""An ``httpx`` client that repeats what failed for a moment, a bounded number of times. Knows no service."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import httpx

from kzero_scim import __version__
from kzero_scim.clients.answers import WITHIN, UnacceptableAnswerError, whole
from kzero_scim.clients.tls import ssl_context

USER_AGENT: Final = f"kzero-scim/{__version__}"
DELAYS: Final = (0.3, 1.0, 3.0)
"""Seconds before the second, third and fourth attempt."""
LONGEST_WAIT: Final = 20.0
"""Seconds; a longer Retry-After is cut to this."""

_BUSY: Final = frozenset({429, 503})
_MOMENTARY: Final = frozenset({500, 502, 503, 504}) | _BUSY


class RetryingClient(httpx.AsyncClient):
    """Repeats on 429, 5xx and broken connections, with rising waits or the server's Retry-After.

    A POST is repeated only where the server certainly did not act on it (no connection, 429, 503), unless it is a
    token request. An answer is read whole before it is given, within the bounds of ``answers.py``, except where the
    caller streams it. Redirects are never followed: credentials would go with them. The environment's proxy settings
    are obeyed; TLS is verified against :func:`ssl_context`.

    Args:
        delays: Seconds before each repetition; their number is the number of repetitions.
        timeout: Seconds for connecting, and for each read and write.
        within: Seconds from sending a request to the last byte of its answer.
        transport: What sends, in place of the network.
        sleep: What waits.
    """

    def __init__(
        self,
        *,
        delays: Sequence[float] = DELAYS,
        timeout: float = 30.0,
        within: float = WITHIN,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Open nothing yet."""
        super().__init__(
            verify=ssl_context(),
            timeout=timeout,
            transport=transport,
            headers={"User-Agent": USER_AGENT},
            follow_redirects=False,
        )
        self._delays = tuple(delays)
        self._within = within
        self._sleep = sleep

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:  # noqa: ANN401 - as in httpx
        """Send a request, again if that promises anything."""
        for delay in self._delays:
            try:
                response = await self._send_once(request, **options)
            except httpx.TransportError as error:
                if not _may_follow(request, error):
                    raise
                await self._sleep(delay)
            else:
                if response.status_code not in (_MOMENTARY if _is_repeatable(request) else _BUSY):
                    return response
                await response.aclose()
                await self._sleep(_retry_after(response, delay))
        return await self._send_once(request, **options)

    async def _send_once(self, request: httpx.Request, **options: Any) -> httpx.Response:  # noqa: ANN401 - as in httpx
        send = super().send
        if options.get("stream"):
            return await send(request, **options)
        streamed = {**options, "stream": True, "follow_redirects": False}
        return await whole(lambda asked: send(asked, **streamed), request, self._within)


def untrusted(error: BaseException) -> ssl.SSLCertVerificationError | None:
    """Find the refused certificate among an error's causes."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


def root_cause(error: BaseException) -> str:
    """Say in a few words why a request got no answer."""
    if isinstance(error, UnacceptableAnswerError):
        return f"it {error}"
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    return str(error) or type(error).__name__


def _is_repeatable(request: httpx.Request) -> bool:
    return request.method != "POST" or request.url.path.endswith("/token")


def _may_follow(request: httpx.Request, error: httpx.TransportError) -> bool:
    if untrusted(error) is not None or isinstance(error, httpx.UnsupportedProtocol):
        return False
    return _is_repeatable(request) or isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)


def _retry_after(response: httpx.Response, default: float) -> float:
    try:
        return min(max(float(response.headers["Retry-After"]), default), LONGEST_WAIT)
    except (KeyError, ValueError):
        return default
