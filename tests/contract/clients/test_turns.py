"""Large answers of one tenant leave the event loop to the other tenants in between."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import httpx
import pytest

from kzero_scim.clients import answers
from kzero_scim.clients.graph import client as graph_module
from kzero_scim.clients.graph.client import GraphClient
from kzero_scim.clients.graph.cloud import Cloud
from kzero_scim.clients.graph.sign_in import Method, SignIn
from kzero_scim.clients.retries import RetryingClient
from kzero_scim.settings.provider_config import Config

LARGE = json.dumps({"value": [[]] * 60_000}).encode()
AT_ONCE = 4


class _Token:
    token = "a-token"
    expires_on = 1 << 40


class _Credential:
    def get_token(self, *_: str) -> _Token:
        return _Token()

    def close(self) -> None:
        """Have nothing to close."""


async def ticks_between(parsings: list[int], calls: list[Callable[[], Awaitable[Any]]], tick: list[int]) -> list[int]:
    """Make calls at once, and return how often another task had its turn between two parsings."""

    async def other() -> None:
        while True:
            await asyncio.sleep(0.005)
            tick[0] += 1

    task = asyncio.create_task(other())
    await asyncio.gather(*(call() for call in calls), return_exceptions=True)
    task.cancel()
    return [after - before for before, after in itertools.pairwise(parsings)]


async def test_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four requests whose answers come at the same time are not parsed back to back."""
    tick, parsings = [0], list[int]()

    def read(body: bytes) -> Any:  # noqa: ANN401 - any JSON
        parsings.append(tick[0])
        return answers.read_object(body)

    monkeypatch.setattr(graph_module, "read_object", read)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=LARGE))
    sign_in = SignIn(Config(tenant_id="t"), {}, method=Method("with a test", lambda _: _Credential()))
    vars(sign_in).update(_cloud=Cloud(name="test", login="https://x.test", graph="https://x.test"))
    client = GraphClient(sign_in, transport=transport)

    # The first two have one path, and each caller gets a document of its own.
    paths = ["/a", "/a", "/b", "/c"]
    found = await ticks_between(parsings, [partial(client.get, path) for path in paths], tick)
    await client.aclose()

    assert len(found) == AT_ONCE - 1
    assert min(found) >= 5


async def test_keycloak_and_other_services() -> None:
    """So are those of every other client on shared connections."""
    tick, parsings = [0], list[int]()
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=LARGE))
    client = RetryingClient(transport=transport)

    async def ask() -> None:
        answer = await client.get("https://x.test/")
        parsings.append(tick[0])
        answer.json()

    found = await ticks_between(parsings, [ask] * AT_ONCE, tick)
    await client.aclose()

    assert len(found) == AT_ONCE - 1
    assert min(found) >= 5


async def test_small_answers_wait_for_nothing() -> None:
    """An answer of usual size is parsed at once."""
    turns = answers.Turns()

    async with asyncio.timeout(0.5):
        for _ in range(1000):
            await turns.take(b'{"value": []}')
