"""When a request to Microsoft Graph is sent again, and after how many seconds. Sends nothing itself.

https://learn.microsoft.com/graph/throttling and https://learn.microsoft.com/graph/best-practices-concept
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Final

NOT_ACTED_ON: Final = frozenset({429, 503})
"""Graph answers these before it has done anything."""
MOMENTARY: Final = frozenset({408, 424, 429, 500, 502, 503, 504})
"""Worth another attempt, if doing it twice does no harm."""


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How patient the client is.

    Attributes:
        attempts: How often one request is sent at most.
        first: Seconds before the second attempt; doubled for each further one.
        longest: Seconds; no single wait of our own is longer.
        longest_asked: Seconds; a Retry-After above that is not waited for.
        total: Seconds; the waits of one request together.
        chance: Gives 0 to 1, for the jitter.
    """

    attempts: int = 6
    first: float = 0.5
    longest: float = 15.0
    longest_asked: float = 60.0
    total: float = 120.0
    chance: Callable[[], float] = random.random

    def delay(self, attempt: int, waited: float, retry_after: float | None = None) -> float | None:
        """Tell how long to wait before the next attempt.

        Args:
            attempt: How many attempts were made, from 1.
            waited: Seconds waited for this request so far.
            retry_after: Seconds that Graph asked for.

        Returns:
            Seconds, or None to give up. At least what Graph asked for, plus up to a quarter more so that parallel
            requests do not come back at the same instant.
        """
        if attempt >= self.attempts:
            return None
        if retry_after is not None:
            if retry_after > self.longest_asked:
                return None
            seconds = retry_after * (1 + self.chance() / 4)
        else:
            seconds = min(self.first * 2.0 ** (attempt - 1), self.longest) * (0.5 + self.chance() / 2)
        return seconds if waited + seconds <= self.total else None


def retry_after(value: str | None, now: datetime | None = None) -> float | None:
    """Read a Retry-After header, given in seconds or as a date.

    Returns:
        Seconds from now, never negative; None if there is none or it makes no sense.
    """
    if value is None:
        return None
    text = value.strip()
    try:
        seconds = float(text)
    except ValueError:
        pass
    else:
        return seconds if 0 <= seconds < float("inf") else None
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - (now or datetime.now(UTC))).total_seconds())
