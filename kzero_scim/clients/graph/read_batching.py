"""Collects simultaneous reads into one ``$batch`` of Microsoft Graph. Sends nothing itself.

https://learn.microsoft.com/graph/json-batching. The caller repeats every read that the batch does not answer with 2xx
as a single request, so that refusals, throttling and errors are those of the single request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from kzero_scim.clients.graph.batch import BatchAnswer, BatchRequest

Json = dict[str, Any]


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
        self._waiting: list[tuple[BatchRequest, asyncio.Future[Json | None]]] = []
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
        error: Exception | None = None
        try:
            await self._ready()
            # Other readers that waited for the same token add their reads now.
            await asyncio.sleep(0)
        except Exception as caught:  # noqa: BLE001 - every waiting reader gets the error
            error = caught
        waiting, self._waiting = self._waiting, []
        if error is not None:
            for _, answer in waiting:
                if not answer.done():
                    answer.set_exception(error)
            return
        for start in range(0, len(waiting), self._most):
            await self._ask(waiting[start : start + self._most])

    async def _ask(self, part: Sequence[tuple[BatchRequest, asyncio.Future[Json | None]]]) -> None:
        answers: list[BatchAnswer] | None = None
        try:
            # A batch has no advantage for a single read.
            if len(part) > 1:
                answers = await self._send([request for request, _ in part])
        finally:
            for index, (_, waiting) in enumerate(part):
                answer = answers[index] if answers else None
                if not waiting.done():
                    waiting.set_result(answer.body if answer is not None and answer.ok else None)
