"""Reads that are asked in the same moment go to Microsoft Graph as one ``$batch``. Sends nothing itself.

https://learn.microsoft.com/graph/json-batching. Whatever a batch does not answer with 2xx is left to be asked alone, so
that refusals, throttling and errors are those of the single request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from kzero_scim.clients.graph.batch import BatchAnswer, BatchRequest

Json = dict[str, Any]


class ReadBatcher:
    """Gathers reads until they can be sent.

    Args:
        ready: Waits until something can be sent: until there is a token.
        send: Sends requests as one batch, once, and gives the answers in their order; None if it was not answered.
        most: Requests that fit into one batch.
    """

    def __init__(
        self,
        ready: Callable[[], Awaitable[object]],
        send: Callable[[Sequence[BatchRequest]], Awaitable[list[BatchAnswer] | None]],
        most: int,
    ) -> None:
        """Gather nothing yet."""
        self._ready = ready
        self._send = send
        self._most = most
        self._waiting: list[tuple[BatchRequest, asyncio.Future[Json | None]]] = []
        self._sending: set[asyncio.Task[None]] = set()

    async def get(self, path: str, params: Mapping[str, str] | None) -> Json | None:
        """Ask with others.

        Returns:
            The object; None if it is to be asked for alone.

        Raises:
            KzeroScimError: Nothing can be sent: the sign-in failed.
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
        """Send nothing further."""
        for task in self._sending:
            task.cancel()

    async def _flush(self) -> None:
        error: Exception | None = None
        try:
            await self._ready()
            # Those who are woken by the same token ask now.
            await asyncio.sleep(0)
        except Exception as caught:  # noqa: BLE001 - whoever waits is told
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
            # One alone gains nothing by a batch.
            if len(part) > 1:
                answers = await self._send([request for request, _ in part])
        finally:
            for index, (_, waiting) in enumerate(part):
                answer = answers[index] if answers else None
                if not waiting.done():
                    waiting.set_result(answer.body if answer is not None and answer.ok else None)
