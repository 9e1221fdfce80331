"""Decides when to repeat a failed request, and an ``httpx`` client that does so. Knows no service.

https://www.rfc-editor.org/rfc/rfc9110#field.retry-after, https://learn.microsoft.com/graph/throttling
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx

from kzero_scim import __version__
from kzero_scim.clients.answers import WITHIN, Turns, UnacceptableAnswerError, whole
from kzero_scim.clients.body import ACCEPTED
from kzero_scim.clients.proxies import check_proxies
from kzero_scim.clients.tls import ssl_context

USER_AGENT: Final = f"kzero-scim/{__version__}"
LONGEST_WAIT: Final = 20.0
"""Seconds. A longer Retry-After is cut to this, unless the policy says otherwise."""
LONGEST_RETRY_AFTER: Final = 86_400.0
"""Seconds. A longer Retry-After is read as this."""
_LONGEST_TEXT: Final = 64
"""The most characters of a Retry-After to read. An HTTP date has 29."""

_NOT_ACTED_ON: Final = frozenset({429, 503})
"""Statuses with which a service refuses a request before acting on it."""
_MOMENTARY: Final = frozenset({408, 424, 500, 502, 504}) | _NOT_ACTED_ON
"""Statuses after which to repeat a request if doing it twice does no harm."""


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How often and how long a client retries one request.

    Attributes:
        delays: Seconds before the second attempt, the third and so on; their number limits the attempts.
        jitter: The random share of a delay, 0 to 1, so that parallel requests do not return at the same instant. Half
            of it is added to a Retry-After.
        longest: Seconds; the longest Retry-After to wait for.
        is_cut: Whether a longer Retry-After is cut to ``longest``; if not, it ends the attempts.
        total: Seconds; the limit for all waits of one request together.
        chance: Returns 0 to 1, for the jitter.
    """

    delays: tuple[float, ...] = (0.3, 1.0, 3.0)
    jitter: float = 0.0
    longest: float = LONGEST_WAIT
    is_cut: bool = True
    total: float = 120.0
    chance: Callable[[], float] = random.random

    def delay(self, attempt: int, waited: float = 0.0, asked: float | None = None) -> float | None:
        """Return how long to wait before the next attempt.

        Args:
            attempt: The number of attempts so far, from 1.
            waited: Seconds waited for this request so far.
            asked: Seconds that the service asked for: :func:`retry_after`.

        Returns:
            Seconds, or None to give up. At least what the service asked for, up to ``longest``.
        """
        if attempt > len(self.delays):
            return None
        seconds = self.delays[attempt - 1] * (1 - self.jitter + self.chance() * self.jitter)
        if asked is not None:
            if asked > self.longest and not self.is_cut:
                return None
            seconds = max(seconds, min(asked, self.longest) * (1 + self.chance() * self.jitter / 2))
        return seconds if waited + seconds <= self.total else None


ONCE: Final = RetryPolicy(delays=())
"""Sends each request once."""


class Attempts:
    """Counts the attempts at one request.

    Args:
        policy: How often and how long to retry.
    """

    def __init__(self, policy: RetryPolicy) -> None:
        """Start with the first attempt."""
        self.made = 1
        self._policy = policy
        self._waited = 0.0

    def delay(self, asked: float | None = None) -> float | None:
        """Return the seconds to wait before the next attempt, and count it; None to give up."""
        seconds = self._policy.delay(self.made, self._waited, asked)
        if seconds is not None:
            self.made += 1
            self._waited += seconds
        return seconds


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Return the seconds in a Retry-After header, which contains seconds or an HTTP date.

    Returns:
        Seconds from now, 0 to :data:`LONGEST_RETRY_AFTER`; None if the header is missing or invalid.
    """
    if value is None:
        return None
    text = value.strip()
    if not text.isascii() or "_" in text or len(text) > _LONGEST_TEXT:
        return None  # float and parsedate_to_datetime also read digits of other scripts
    try:
        seconds = float(text)
    except ValueError:
        try:
            moment = parsedate_to_datetime(text)
            if moment.tzinfo is None:
                moment = moment.replace(tzinfo=UTC)
            seconds = max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
        except (ValueError, OverflowError):
            return None
    return min(seconds, LONGEST_RETRY_AFTER) if 0 <= seconds < float("inf") else None


def bound_retry_after(headers: MutableMapping[str, str]) -> None:
    """Limit an answer's Retry-After, for a library that waits as long as the header asks."""
    asked = retry_after(headers.get("Retry-After"))
    for name in ("Retry-After", "retry-after-ms", "x-ms-retry-after-ms"):
        headers.pop(name, None)
    if asked is not None:
        headers["Retry-After"] = f"{min(asked, LONGEST_WAIT):g}"


def may_answer_pass(status: int, *, is_repeatable: bool) -> bool:
    """Return whether a status refuses a request only temporarily.

    Args:
        status: The answer's status.
        is_repeatable: Whether doing the request twice does no harm.
    """
    return status in (_MOMENTARY if is_repeatable else _NOT_ACTED_ON)


def is_momentary(status: int) -> bool:
    """Return whether a status says that the server cannot answer now, so that it answers no question."""
    return status in {408, 425, 429} or status >= 500  # noqa: PLR2004 - the server's errors


def may_error_pass(error: httpx.HTTPError, *, is_repeatable: bool) -> bool:
    """Return whether a request without an answer may be sent again.

    Args:
        error: The reason for the missing answer.
        is_repeatable: Whether doing the request twice does no harm.
    """
    if untrusted(error) is not None or isinstance(error, httpx.UnsupportedProtocol):
        return False
    return is_repeatable or isinstance(error, httpx.ConnectError | httpx.ConnectTimeout | httpx.PoolTimeout)


class RetryingClient(httpx.AsyncClient):
    """Repeats requests after 429, 5xx and broken connections, as :class:`RetryPolicy` says.

    A POST other than a token request is repeated only if the server certainly did not act on it (no connection, 429,
    503). An answer is complete and within the limits of ``answers.py``, unless the caller streams it. Redirects are
    never followed, because they would carry credentials away. The client uses the environment's proxy settings and
    verifies TLS with :func:`ssl_context`.

    Args:
        policy: How often and how long to retry.
        timeout: Seconds for connecting, and for each read and write.
        within: Seconds from sending a request to the last byte of its answer.
        largest: The most bytes of an answer after decompression, ``answers.LARGEST`` by default.
        transport: Sends the requests, in place of the network.
        sleep: Waits.
    """

    def __init__(  # noqa: PLR0913 - each is a limit, or a seam of its tests
        self,
        *,
        policy: RetryPolicy | None = None,
        timeout: float = 30.0,
        within: float = WITHIN,
        largest: int | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Open no connection yet."""
        check_proxies()
        super().__init__(
            verify=ssl_context(),
            timeout=timeout,
            transport=transport,
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": ACCEPTED},
            follow_redirects=False,
        )
        self._policy = policy or RetryPolicy()
        self._within = within
        self._largest = largest
        self._sleep = sleep
        # With another's transport, other tenants share this process.
        self._turns = None if transport is None else Turns()

    async def send(self, request: httpx.Request, **options: Any) -> httpx.Response:  # noqa: ANN401 - as in httpx
        """Send a request, with retries, and return its answer."""
        is_repeatable = request.method != "POST" or request.url.path.endswith("/token")
        attempts = Attempts(self._policy)
        while True:
            try:
                response = await self._send_once(request, **options)
            except httpx.TransportError as error:
                delay = attempts.delay() if may_error_pass(error, is_repeatable=is_repeatable) else None
                if delay is None:
                    raise
            else:
                if not may_answer_pass(response.status_code, is_repeatable=is_repeatable):
                    return response
                delay = attempts.delay(retry_after(response.headers.get("Retry-After")))
                if delay is None:
                    return response
                await response.aclose()
            await self._sleep(delay)

    async def _send_once(self, request: httpx.Request, **options: Any) -> httpx.Response:  # noqa: ANN401 - as in httpx
        send = super().send
        if options.get("stream"):
            return await send(request, **options)
        streamed = {**options, "stream": True, "follow_redirects": False}
        return await whole(lambda asked: send(asked, **streamed), request, self._within, self._largest, self._turns)


def untrusted(error: BaseException) -> ssl.SSLCertVerificationError | None:
    """Return the certificate error among an error's causes, or None."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, ssl.SSLCertVerificationError):
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


def root_cause(error: BaseException) -> str:
    """Return in a few words why a request got no answer."""
    if isinstance(error, UnacceptableAnswerError):
        return f"it {error}"
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    return str(error) or type(error).__name__
