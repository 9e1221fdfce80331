"""Collects simultaneous reads into one ``$batch`` of Microsoft Graph. Sends nothing itself.

https://learn.microsoft.com/graph/json-batching. The caller repeats every read that the batch does not answer with 2xx
as a single request, so that refusals, throttling and errors are those of the single request.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeAlias
from urllib.parse import quote, urlencode

from kzero_scim.clients.graph.batch import BatchAnswer, BatchRequest

Json = dict[str, Any]
_Waiting: TypeAlias = tuple[BatchRequest, asyncio.Future[Json | None]]


class ReadBatcher:
    """Collects reads until they can be sent.

    Args:
        ready: Waits until requests can be sent, that is until a token is available.
        send: Sends requests as one batch, once, and returns the answers in their order; None if it got no answer.
        most: The most requests in one batch.
    """

    def __init__(
        self,
        ready: Callable[[], Awaitable[object]],
        send: Callable[[Sequence[BatchRequest]], Awaitable[list[BatchAnswer] | None]],
        most: int,
    ) -> None:
        """Start without reads."""
        self._ready = ready
        self._send = send
        self._most = most
        self._waiting: list[_Waiting] = []
        self._sending: set[asyncio.Task[None]] = set()

    async def get(self, path: str, params: Mapping[str, str] | None) -> Json | None:
        """GET one object together with other reads.

        Returns:
            The object; None if the caller must request it alone.

        Raises:
            KzeroScimError: The sign-in failed, so nothing was sent.
        """
        query = f"?{urlencode(params, quote_via=quote, safe='$,')}" if params else ""
        answer: asyncio.Future[Json | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((BatchRequest("GET", f"{path}{query}"), answer))
        if len(self._waiting) == 1:
            task = asyncio.create_task(self._flush())
            self._sending.add(task)
            task.add_done_callback(self._sending.discard)
        return await answer

    def close(self) -> None:
        """Cancel all batches."""
        for task in self._sending:
            task.cancel()

    async def _flush(self) -> None:
        try:
            await self._ready()
            # Other readers that waited for the same token add their reads now.
            await asyncio.sleep(0)
        except BaseException as error:
            waiting, self._waiting = self._waiting, []
            _refuse(waiting, error)
            if not isinstance(error, Exception):
                raise
            return
        waiting, self._waiting = self._waiting, []
        try:
            while waiting:
                part, waiting = waiting[: self._most], waiting[self._most :]
                await self._ask(part)
        except BaseException as error:
            _refuse(waiting, error)
            raise

    async def _ask(self, part: Sequence[_Waiting]) -> None:
        """Send one batch and resolve its reads, whatever happens. Reads without a good answer get None."""
        answers: list[BatchAnswer] = []
        try:
            # A batch has no advantage for a single read.
            if len(part) > 1:
                answers = await self._send([request for request, _ in part]) or []
        except Exception:  # noqa: BLE001 - the single request shows the error to its own reader
            answers = []
        except BaseException as error:
            _refuse(part, error)
            raise
        answered = [answer.body if answer.ok else None for answer in answers] if len(answers) == len(part) else []
        for (_, waiting), body in itertools.zip_longest(part, answered):
            if not waiting.done():
                waiting.set_result(body)


def _refuse(waiting: Sequence[_Waiting], error: BaseException) -> None:
    """Resolve reads with an error. Cancelling the batch cancels them."""
    for _, answer in waiting:
        if answer.done():
            continue
        if isinstance(error, asyncio.CancelledError):
            answer.cancel()
        else:
            answer.set_exception(error)
