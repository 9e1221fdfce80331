"""Records the latest requests of an operation, so that an unexpected error can name the request before it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Final

_KEPT: Final = 3
_requests: ContextVar[list[str] | None] = ContextVar("requests", default=None)


@contextlib.contextmanager
def recorded() -> Iterator[list[str]]:
    """Yield the latest requests made inside the block and by tasks started in it, the newest last."""
    latest: list[str] = []
    mark = _requests.set(latest)
    try:
        yield latest
    finally:
        _requests.reset(mark)


def note(request: str) -> None:
    """Record a request, in the words that an error uses for it."""
    latest = _requests.get()
    if latest is not None and (not latest or latest[-1] != request):
        latest.append(request)
        del latest[:-_KEPT]
