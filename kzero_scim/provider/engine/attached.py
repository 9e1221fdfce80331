"""A package served from this very process, for an engine that attaches to it (PULUMI_DEBUG_PROVIDERS)."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import sys
import threading
from collections.abc import Iterator
from typing import Any, Final

from kzero_scim.provider.engine.adapter import Adapter, start
from kzero_scim.provider.package import Package

_START_SECONDS: Final = 30.0

# It logs with a traceback that a program's calls ended when the engine went, which it does after every failed run.
logging.getLogger("grpc._server").disabled = True


@contextlib.contextmanager
def attached(package: Package) -> Iterator[int]:
    """Serve a package from a thread with a loop of its own; gives the port. At the end every connection is closed."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name=f"provider-{package.name}", daemon=True)
    thread.start()

    def run(work: Any) -> Any:  # noqa: ANN401 - a coroutine and its result
        return asyncio.run_coroutine_threadsafe(work, loop).result(timeout=_START_SECONDS)

    async def begin() -> tuple[Adapter, Any, int]:
        adapter = Adapter(package)
        server, port = await start(adapter)
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
    """Destroy what pulumi 3.272 leaves behind after an inline program: event loops and unfinished coroutines.

    They complain when they are collected, which must not bury what the operator is told.
    """
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        gc.collect()
    finally:
        sys.unraisablehook = hook


def keep_what_is_loaded() -> None:
    """Spare later collections all that is loaded by now: :func:`collect_what_a_run_leaves` is a tenth of a run else."""
    gc.collect()
    gc.freeze()
