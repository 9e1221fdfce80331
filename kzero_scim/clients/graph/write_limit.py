"""Spreads writes over time, so that they stay below Microsoft Graph's limit. Sends nothing itself.

https://learn.microsoft.com/graph/throttling-limits, "Identity and access service limits": one application may write
3,000 times in 150 s in one tenant. Each request of a ``$batch`` counts.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final

WRITES: Final = 2_800
"""Writes of one client in :data:`SECONDS`. The other 200 are left to azuread, which uses the same application."""
SECONDS: Final = 150.0


class WriteLimit:
    """Schedules writes so that no period of :data:`SECONDS` has more than :data:`WRITES`."""

    def __init__(self) -> None:
        """Start without writes."""
        self._sent: deque[tuple[float, int]] = deque()
        self._counted = 0

    def reserve(self, count: int, now: float) -> float:
        """Reserve some writes that are sent together, and return how many seconds to wait before sending them.

        Args:
            count: The number of writes.
            now: The present time, in seconds of a monotonic clock.
        """
        at = max(now, self._sent[-1][0]) if self._sent else now
        while self._sent and (self._sent[0][0] + SECONDS <= at or self._counted + count > WRITES):
            earlier, writes = self._sent.popleft()
            self._counted -= writes
            at = max(at, earlier + SECONDS)
        self._sent.append((at, count))
        self._counted += count
        return at - now


def least_seconds(writes: int) -> float:
    """Return how long some writes take at least because of the limit."""
    return max(0, writes - 1) // WRITES * SECONDS


def writes_of(method: str, path: str, body: dict[str, Any] | None) -> int:
    """Return how many writes a request contains."""
    if path == "/$batch":
        return sum(entry["method"] != "GET" for entry in (body or {}).get("requests", ()))
    return int(method != "GET")
