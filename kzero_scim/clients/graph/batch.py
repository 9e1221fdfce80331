"""Builds Microsoft Graph's ``$batch`` requests and reads their answers. Sends nothing.

https://learn.microsoft.com/graph/json-batching
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from kzero_scim.clients.graph import graph_errors
from kzero_scim.clients.graph.operations import operation
from kzero_scim.clients.retries import may_answer_pass, retry_after

Json = dict[str, Any]


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
    """

    status: int
    body: Json

    @property
    def ok(self) -> bool:
        """True for a 2xx status."""
        return httpx.codes.is_success(self.status)


def batch_document(chunk: Mapping[int, BatchRequest]) -> Json:
    """Return the body of a ``$batch``. Each request's id is its key."""
    return {"requests": [_entry(index, request) for index, request in chunk.items()]}


def batch_answers(chunk: Mapping[int, BatchRequest], document: Json) -> dict[int, tuple[BatchAnswer, float | None]]:
    """Return the answers by request id, each with the seconds that its Retry-After asks to wait, or None.

    Args:
        chunk: The requests, by id.
        document: The answer's body.

    Raises:
        GraphError: Some requests got no answer.
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
    if missing := [index for index in chunk if index not in found]:
        first = chunk[missing[0]]
        raise graph_errors.unexpected(first.path, f"a batch in which {len(missing)} answers are missing", first.method)
    return found


def may_repeat(request: BatchRequest) -> bool:
    """Return whether a request may be sent again after its answer was lost."""
    return operation(request.method, request.path).is_repeatable


def is_worth_repeating(request: BatchRequest, status: int) -> bool:
    """Return whether an answer refuses a request only temporarily."""
    return may_answer_pass(status, is_repeatable=may_repeat(request))


def _entry(index: int, request: BatchRequest) -> Json:
    entry: Json = {"id": str(index), "method": request.method, "url": request.path}
    headers = dict(request.headers)
    if request.body is not None:
        entry["body"] = request.body
        headers["Content-Type"] = "application/json"
    if headers:
        entry["headers"] = headers
    return entry
