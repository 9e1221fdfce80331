"""The azuread stand-in sends the same answers and requests as the recorded official plugin."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import httpx
import pytest

from tests.contract.sandbox.azuread.plugin import Plugin, running, sign_in

RECORDINGS = Path(__file__).parent

RUNS = {
    # How often the plugin was configured in each run, in the order of http.jsonl.
    "up": 1,
    "preview-noop": 1,
    "preview-refresh": 1,
    "drift-preview": 1,
    "drift-up": 1,
    "unassign": 1,
    "rename": 1,
    "import-app": 2,
    "import-assignment": 2,
    "import-missing": 1,
    "destroy": 1,
}

Exchange = dict[str, Any]


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (RECORDINGS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def segments() -> list[list[Exchange]]:
    """Return the exchanges of http.jsonl, split where a plugin was configured."""
    cut: list[list[Exchange]] = []
    for exchange in lines("http"):
        if exchange["path"] == "/metadata/endpoints":
            cut.append([])
        cut[-1].append(exchange)
    return [without_intrusion(each) for each in cut]


def without_intrusion(segment: list[Exchange]) -> list[Exchange]:
    """Return a segment without the changes made outside Pulumi, which start with a request for all applications."""
    for index, exchange in enumerate(segment):
        if exchange["path"] == "/v1.0/applications" and not exchange["query"]:
            return segment[:index]
    return segment


def segments_of(run: str) -> list[list[Exchange]]:
    before = 0
    for name, count in RUNS.items():
        if name == run:
            return segments()[before : before + count]
        before += count
    raise KeyError(run)


class Double:
    """Answers each request with the next recorded answer to the same request, and records the requests."""

    def __init__(self, recorded: list[list[Exchange]]) -> None:
        """Answer from these segments; each request for the metadata document starts the next segment."""
        self.to_come = list(recorded)
        self.open: list[Exchange] = []
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Return the recorded answer to a request, or 418 if there is no recorded answer."""
        if request.url.path == "/metadata/endpoints":
            assert not self.open, "the plugin left recorded requests out"
            self.open = list(self.to_come.pop(0))
        key = key_of_request(request)
        self.asked.append(key)
        for exchange in self.open:
            if key_of_exchange(exchange) == key:
                self.open.remove(exchange)
                return httpx.Response(exchange["status"], json=exchange["response"])
        return httpx.Response(418, json={"error": {"code": "NotRecorded", "message": key}})


def key_of_request(request: httpx.Request) -> str:
    """Return a request as one string, in the format of http.jsonl."""
    content = request.content.decode()
    body = json.loads(content) if request.headers.get("Content-Type") == "application/json" else content or None
    return as_key(request.method, request.url.path, unquote(request.url.query.decode()), body)


def key_of_exchange(exchange: Exchange) -> str:
    return as_key(exchange["method"], exchange["path"], exchange["query"], exchange["request"])


def as_key(method: str, path: str, query: str, body: object) -> str:
    return json.dumps([method, path, query, body], sort_keys=True)


def is_subsequence(part: list[str], whole: list[str]) -> bool:
    rest = iter(whole)
    return all(each in rest for each in part)


@pytest.fixture
def double(run: str) -> Double:
    return Double(segments_of(run))


@pytest.fixture
async def call(double: Double, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Plugin]:
    sign_in(monkeypatch)
    monkeypatch.setenv("AZUREAD_STANDIN_POLL_SECONDS", "0")
    async with running(double) as plugin:
        yield plugin


@pytest.mark.parametrize("run", RUNS)
async def test_answers_and_requests_are_the_official_ones(run: str, double: Double, call: Plugin) -> None:
    """Every answer matches the recording, and so do the requests of every call, in order."""
    recorded = segments_of(run)
    whole = [key_of_exchange(each) for segment in recorded for each in segment]

    for line in lines(run):
        asked_before = len(double.asked)
        answer = await call(line["method"], line["request"])

        expected = {name: line[name] for name in ("response", "errors") if name in line}
        assert expected == answer, f"{line['method']} {line['request'].get('name', '')}"
        assert is_subsequence(double.asked[asked_before:], whole), line["method"]

    assert Counter(whole) == Counter(double.asked)
