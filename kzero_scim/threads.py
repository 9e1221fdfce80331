"""Calls a blocking function in a thread that the process does not wait for. Knows no function."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextvars import copy_context
from functools import partial
from typing import TypeVar

T = TypeVar("T")


async def in_daemon_thread(function: Callable[[], T]) -> T:
    """Call a function in a thread of its own and return its result.

    The function sees the caller's context, such as its redactor. A cancellation ends the wait. The thread runs on, but
    neither ``asyncio.run`` nor the end of the process waits for it, as they do with ``asyncio.to_thread``.
    """
    future: Future[T] = Future()
    threading.Thread(target=run_into, args=(future, partial(copy_context().run, function)), daemon=True).start()
    return await asyncio.wrap_future(future)


def run_into(future: Future[T], function: Callable[[], T]) -> None:
    """Call a function, unless its future was cancelled, and set the future's result or exception."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = function()
    except BaseException as error:  # noqa: BLE001 - the caller gets it
        future.set_exception(error)
    else:
        future.set_result(result)
