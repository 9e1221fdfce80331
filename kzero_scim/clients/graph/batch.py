"""Many requests of Microsoft Graph in one: what a ``$batch`` is made of, and what its answer says. Sends nothing.

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
        method: ``GET``, ``POST`` and so on.
        path: Relative to the version, percent-encoded, with its query: ``/users/a%40b.example?$select=id``.
        body: The JSON body, if any.
        headers: Further headers.
    """

    method: str
    path: str
    body: Json | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BatchAnswer:
    """Its answer.

    Attributes:
        status: The HTTP status.
        body: The JSON object, ``{}`` if there is none.
    """

    status: int
    body: Json

    @property
    def ok(self) -> bool:
        """True for a 2xx."""
        return httpx.codes.is_success(self.status)


def batch_document(chunk: Mapping[int, BatchRequest]) -> Json:
    """Write the body of a ``$batch``; each request's id is its key."""
    return {"requests": [_entry(index, request) for index, request in chunk.items()]}


def batch_answers(chunk: Mapping[int, BatchRequest], document: Json) -> dict[int, tuple[BatchAnswer, float | None]]:
    """Read the answers, each with the seconds that it asks to wait, None if it asks for none.

    Args:
        chunk: The requests, by id.
        document: The answer's body.

    Raises:
        GraphError: Some requests have no answer.
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
        raise graph_errors.unexpected(first.path, f"a batch without {len(missing)} of its answers", first.method)
    return found


def may_repeat(request: BatchRequest) -> bool:
    """Tell whether a request may be sent again after a lost answer."""
    return operation(request.method, request.path).is_repeatable


def is_worth_repeating(request: BatchRequest, status: int) -> bool:
    """Tell whether an answer refuses a request only for a moment."""
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
