"""Threads for what blocks: files, name look-ups, Pulumi's CLI. Each tenant has its own few. Knows no tenant's work."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import Any, Final

from kzero_scim.threads import run_into

PER_TENANT: Final = 4
"""Threads that one tenant can keep busy at once."""


class TenantThreads(ThreadPoolExecutor):
    """An event loop's default executor whose threads a tenant cannot take from another, nor keep the process with.

    ``asyncio.to_thread`` and name look-ups use the default executor. A thread cannot be stopped: one that hangs stays
    behind when its tenant's time is over. The end of the process does not wait for it.
    """

    def __init__(self) -> None:
        """Start no thread yet."""
        super().__init__(1)
        self._common = _Lane()
        self._lane: ContextVar[_Lane] = ContextVar("lane", default=self._common)

    @contextmanager
    def of_tenant(self) -> Iterator[None]:
        """Give what is called in the block, and in tasks that begin in it, threads of its own."""
        token = self._lane.set(_Lane())
        try:
            yield
        finally:
            self._lane.reset(token)

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> Future[Any]:  # noqa: ANN401 - as the base class
        """Call a function in a thread of the calling context's tenant."""
        future: Future[Any] = Future()
        self._lane.get().put(partial(run_into, future, partial(function, *arguments, **keywords)))
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002 - the base class's signature
        """Do nothing: threads end when they have nothing to do, and the process waits for none of them."""


class _Lane:
    """Runs calls in daemon threads, :data:`PER_TENANT` at once."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], None]] = deque()
        self._threads = 0
        self._lock = threading.Lock()

    def put(self, call: Callable[[], None]) -> None:
        with self._lock:
            if self._threads == PER_TENANT:
                self._waiting.append(call)
                return
            self._threads += 1
        try:
            threading.Thread(target=self._work, args=(call,), daemon=True).start()
        except RuntimeError:  # the machine has no thread left
            with self._lock:
                self._threads -= 1
            raise

    def _work(self, call: Callable[[], None] | None) -> None:
        while call is not None:
            call()
            with self._lock:
                call = self._waiting.popleft() if self._waiting else None
                self._threads -= call is None
