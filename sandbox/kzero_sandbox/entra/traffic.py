"""Record incoming requests for tests, limit writes, and hold the faults that replace answers of Graph or login.

Secrets are not recorded: of login forms only the names, of credentials only the keys.
Must not know the directory.
"""

import time
from collections import deque
from collections.abc import Callable
from typing import Any

from kzero_sandbox.faults import Faults

from .application_template import now

Json = dict[str, Any]
_MAXIMUM_LOG = 20_000


class Writes:
    """Graph's limit for writes: 3,000 in 150 s for one application in one tenant.

    See learn.microsoft.com/graph/throttling-limits. Each request of a batch counts.
    """

    SECONDS = 150.0

    def __init__(self) -> None:
        """Start without writes."""
        self.most = 3000
        """The most writes; 0 for any number."""
        self.clock: Callable[[], float] = time.monotonic
        """Returns the present time in seconds."""
        self._taken: dict[str, deque[float]] = {}

    def take(self, app_id: str) -> float:
        """Count a write of an application, and return 0; or return the seconds until it may write again."""
        if not self.most:
            return 0.0
        at, taken = self.clock(), self._taken.setdefault(app_id, deque())
        while taken and taken[0] + self.SECONDS <= at:
            taken.popleft()
        if len(taken) >= self.most:
            return taken[0] + self.SECONDS - at
        taken.append(at)
        return 0.0


class Traffic:
    """The request log, the limit and the faults of one tenant."""

    def __init__(self) -> None:
        """Start with an empty log and no faults."""
        self.faults = Faults()
        self.writes = Writes()
        self.log: list[Json] = []
        self.consistency_reads = 0
        """The number of requests for which an object is not found after its creation."""
        self._unsettled: dict[str, int] = {}

    def note(  # noqa: PLR0913 - what a request has
        self, method: str, path: str, query: str, *, body: Json | None, user_agent: str | None, batch: bool = False
    ) -> Json:
        """Log a request and return the entry; the caller adds `client` and `status` when they are known."""
        entry = {
            "at": now(),
            "method": method,
            "path": path,
            "query": query,
            "client": None,
            "userAgent": user_agent,
            "batch": batch,
            "body": _without_secrets(path, body),
            "status": None,
        }
        self.log.append(entry)
        if len(self.log) > _MAXIMUM_LOG:
            del self.log[: _MAXIMUM_LOG // 10]
        return entry

    def created(self, body: Any) -> None:  # noqa: ANN401 - JSON
        """Record the objects that an answer with status 201 created."""
        if not self.consistency_reads or not isinstance(body, dict):
            return
        for item in (body, body.get("application"), body.get("servicePrincipal")):
            if isinstance(item, dict) and isinstance(item.get("id"), str):
                self._unsettled[item["id"]] = self.consistency_reads

    def unsettled(self, path: str) -> str | None:
        """Return the id in the path of an object that must not be found yet, and count the request."""
        if not self.consistency_reads:
            return None
        for segment in path.split("/"):
            left = self._unsettled.get(segment, 0)
            if left:
                self._unsettled[segment] = left - 1
                return segment
        return None

    def clear(self) -> None:
        """Clear the log, the faults and the settings."""
        self.faults.clear()
        self.writes = Writes()
        self.log.clear()
        self._unsettled.clear()
        self.consistency_reads = 0


def _without_secrets(path: str, body: Any) -> Any:  # noqa: ANN401 - JSON
    if path.endswith("/token") and isinstance(body, dict):
        return dict.fromkeys(body, "*")
    if not isinstance(body, dict):
        return body
    hidden = dict(body)
    for name in ("value", "credentials"):
        if isinstance(body.get(name), list):
            hidden[name] = [_pair(item) for item in body[name]]
    return hidden


def _pair(item: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(item, dict) and item.keys() >= {"key", "value"}:
        return {**item, "value": "*" if item["value"] else ""}
    return item
