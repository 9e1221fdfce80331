"""Serves a package from this process, for an engine that attaches to it (PULUMI_DEBUG_PROVIDERS). Knows no resource."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

from kzero_scim.provider.engine.adapter import Adapter, start
from kzero_scim.provider.package import Package
from kzero_scim.redaction import Redactor

_START_SECONDS: Final = 30.0

# After every failed run it logs, with a traceback, that the engine left during a program's calls.
logging.getLogger("grpc._server").disabled = True


@contextlib.contextmanager
def attached(
    package: Package, redactor: Redactor | None = None, engine: Callable[[], int] | None = None
) -> Iterator[int]:
    """Serve a package from a thread with its own loop, and yield the port. Closes all connections at the end.

    Args:
        package: The package to serve.
        redactor: Removes secrets from errors, and learns the secrets that the engine sends; None for a new one.
        engine: Returns the session ID of the only engine that is served; None for any of this user's.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name=f"provider-{package.name}", daemon=True)
    thread.start()

    def run(work: Any) -> Any:  # noqa: ANN401 - a coroutine and its result
        return asyncio.run_coroutine_threadsafe(work, loop).result(timeout=_START_SECONDS)

    async def begin() -> tuple[Adapter, Any, int]:
        adapter = Adapter(package, redactor=redactor)
        server, port = await start(adapter, engine=engine)
        return adapter, server, port

    async def end() -> None:
        await adapter.aclose()
        await server.stop(grace=None)

    adapter, server, port = run(begin())
    try:
        yield port
    finally:
        run(end())
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def collect_what_a_run_leaves() -> None:
    """Destroy the event loops and unfinished coroutines that pulumi 3.272 leaves after an inline program.

    Their collection prints warnings, which are suppressed so that they do not hide messages for the operator.
    """
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        gc.collect()
    finally:
        sys.unraisablehook = hook


def keep_what_is_loaded() -> None:
    """Exclude loaded objects from later collections. Otherwise :func:`collect_what_a_run_leaves` is slow."""
    gc.collect()
    gc.freeze()
