"""Builds Microsoft Graph's ``$batch`` requests and reads their answers. Sends nothing.

https://learn.microsoft.com/graph/json-batching
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx

from kzero_scim.clients.graph import graph_errors
from kzero_scim.clients.graph.operations import operation
from kzero_scim.clients.retries import may_answer_pass, retry_after
from kzero_scim.errors import GraphError

Json = dict[str, Any]
Progress = Callable[[int, float], Awaitable[object]]
"""Receives how many requests succeeded so far, and how many seconds pass before the next ones are sent."""


@dataclass(frozen=True)
class BatchRequest:
    """One request inside a ``$batch``.

    Attributes:
        method: The HTTP method, such as ``GET``.
        path: Relative to ``/v1.0``, percent-encoded, with its query: ``/users/a%40b.example?$select=id``.
        body: The JSON body, if any.
        headers: Additional headers.
    """

    method: str
    path: str
    body: Json | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BatchAnswer:
    """The answer to one request inside a ``$batch``.

    Attributes:
        status: The HTTP status.
        body: The JSON object, or ``{}``.
        failure: Why there is no answer: the batch failed, or lacks it. Then it is unknown whether Graph acted.
    """

    status: int
    body: Json
    failure: GraphError | None = None

    @property
    def ok(self) -> bool:
        """True for a 2xx status."""
        return self.failure is None and httpx.codes.is_success(self.status)


def batch_document(chunk: Mapping[int, BatchRequest]) -> Json:
    """Return the body of a ``$batch``. Each request's id is its key."""
    return {"requests": [_entry(index, request) for index, request in chunk.items()]}


def batch_answers(chunk: Mapping[int, BatchRequest], document: Json) -> dict[int, tuple[BatchAnswer, float | None]]:
    """Return an answer for each request id, with the seconds that its Retry-After asks to wait, or None.

    Args:
        chunk: The requests, by id.
        document: The answer's body.
    """
    responses = document.get("responses")
    found: dict[int, tuple[BatchAnswer, float | None]] = {}
    for item in responses if isinstance(responses, list) else []:
        try:
            index, status = int(item["id"]), int(item["status"])
        except (KeyError, TypeError, ValueError, OverflowError):
            continue
        if index not in chunk:
            continue
        inner, headers = item.get("body"), item.get("headers")
        given = headers if isinstance(headers, dict) else {}
        asked = next((str(value) for name, value in given.items() if name.lower() == "retry-after"), None)
        wait = retry_after(asked)
        found[index] = BatchAnswer(status, inner if isinstance(inner, dict) else {}), wait
    missing = [index for index in chunk if index not in found]
    for index in missing:
        request = chunk[index]
        what = f"a batch in which {len(missing)} answers are missing"
        found[index] = unanswered(graph_errors.unexpected(request.path, what, request.method)), None
    return found


def unanswered(failure: GraphError) -> BatchAnswer:
    """Return the answer to a request that got none."""
    return BatchAnswer(failure.status or 0, {}, failure)


def may_repeat(request: BatchRequest) -> bool:
    """Return whether a request may be sent again after its answer was lost."""
    return operation(request.method, request.path).is_repeatable


def is_worth_repeating(request: BatchRequest, answer: BatchAnswer) -> bool:
    """Return whether an answer refuses a request only temporarily."""
    return answer.failure is None and may_answer_pass(answer.status, is_repeatable=may_repeat(request))


class Sending:
    """Many requests that are sent in several batches, with their answers so far."""

    def __init__(self, requests: Sequence[BatchRequest], progress: Progress | None) -> None:
        """Start without answers."""
        self.requests = requests
        self.answers: dict[int, BatchAnswer] = {}
        self._asked: dict[int, float | None] = {}
        self._done = 0
        self._progress = progress

    def keep(self, found: Mapping[int, tuple[BatchAnswer, float | None]]) -> None:
        """Store answers, with the seconds that Graph asks to wait."""
        for index, (answer, wait) in found.items():
            self.answers[index], self._asked[index] = answer, wait
            self._done += answer.ok

    def refused(self) -> dict[int, float | None]:
        """Return the requests that were refused temporarily, with the seconds that Graph asks to wait."""
        return {
            index: self._asked[index]
            for index, answer in self.answers.items()
            if is_worth_repeating(self.requests[index], answer)
        }

    def is_throttled_write(self, index: int) -> bool:
        """Return whether a request is a write that Graph refused with 429."""
        is_write = self.requests[index].method != "GET"
        return is_write and self.answers[index].status == httpx.codes.TOO_MANY_REQUESTS

    async def report(self, seconds: float) -> None:
        """Report the progress, before a wait of some seconds."""
        if self._progress is not None:
            await self._progress(self._done, seconds)


def _entry(index: int, request: BatchRequest) -> Json:
    entry: Json = {"id": str(index), "method": request.method, "url": request.path}
    headers = dict(request.headers)
    if request.body is not None:
        entry["body"] = request.body
        headers["Content-Type"] = "application/json"
    if headers:
        entry["headers"] = headers
    return entry
