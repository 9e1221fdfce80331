"""Which requests were made on behalf of the operation that runs: to name one where its answer made no sense."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Final

_KEPT: Final = 3
_requests: ContextVar[list[str] | None] = ContextVar("requests", default=None)


@contextlib.contextmanager
def recorded() -> Iterator[list[str]]:
    """Collect the latest requests of what runs inside, tasks that it starts included; the newest is last."""
    latest: list[str] = []
    mark = _requests.set(latest)
    try:
        yield latest
    finally:
        _requests.reset(mark)


def note(request: str) -> None:
    """Note a request in words, as an error would name it."""
    latest = _requests.get()
    if latest is not None and (not latest or latest[-1] != request):
        latest.append(request)
        del latest[:-_KEPT]
