"""The stand-in of the azuread plugin answers and asks as the official plugin was recorded to do."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import grpc
import grpc.aio
import httpx
import pytest
from google.protobuf import empty_pb2, json_format
from pulumi.runtime.proto import plugin_pb2, provider_pb2

from sandbox.azuread.provider import Provider
from sandbox.azuread.server import SERVICE, start

RECORDINGS = Path(__file__).with_name("azuread")

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

MESSAGES: dict[str, tuple[type[Any], type[Any]]] = {
    "Handshake": (provider_pb2.ProviderHandshakeRequest, provider_pb2.ProviderHandshakeResponse),
    "GetPluginInfo": (empty_pb2.Empty, plugin_pb2.PluginInfo),
    "CheckConfig": (provider_pb2.CheckRequest, provider_pb2.CheckResponse),
    "DiffConfig": (provider_pb2.DiffRequest, provider_pb2.DiffResponse),
    "Configure": (provider_pb2.ConfigureRequest, provider_pb2.ConfigureResponse),
    "Invoke": (provider_pb2.InvokeRequest, provider_pb2.InvokeResponse),
    "Check": (provider_pb2.CheckRequest, provider_pb2.CheckResponse),
    "Diff": (provider_pb2.DiffRequest, provider_pb2.DiffResponse),
    "Create": (provider_pb2.CreateRequest, provider_pb2.CreateResponse),
    "Read": (provider_pb2.ReadRequest, provider_pb2.ReadResponse),
    "Update": (provider_pb2.UpdateRequest, provider_pb2.UpdateResponse),
    "Delete": (provider_pb2.DeleteRequest, empty_pb2.Empty),
    "Cancel": (empty_pb2.Empty, empty_pb2.Empty),
}

Exchange = dict[str, Any]


def lines(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (RECORDINGS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]


def segments() -> list[list[Exchange]]:
    """The exchanges of http.jsonl, cut where a plugin was configured."""
    cut: list[list[Exchange]] = []
    for exchange in lines("http"):
        if exchange["path"] == "/metadata/endpoints":
            cut.append([])
        cut[-1].append(exchange)
    return [without_intrusion(each) for each in cut]


def without_intrusion(segment: list[Exchange]) -> list[Exchange]:
    """A segment without the changes that were made outside Pulumi, which began with a look at all applications."""
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
    """Answers each request with the next recorded answer to the same request, and keeps what was asked."""

    def __init__(self, recorded: list[list[Exchange]]) -> None:
        """Answer from these segments, a new one each time the metadata document is asked for."""
        self.to_come = list(recorded)
        self.open: list[Exchange] = []
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer a request, with 418 when it was not recorded."""
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
    """A request as http.jsonl has it, as one string."""
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


class Stub:
    """Calls the plugin over the wire with recorded requests."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Call over this channel."""
        self.channel = channel

    async def __call__(self, method: str, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer as the recordings have it."""
        asked, answered = MESSAGES[method]
        call: Any = self.channel.unary_unary(
            f"/{SERVICE}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=answered.FromString,
        )
        message = json_format.ParseDict(request, asked())
        try:
            answer = await call(message)
        except grpc.aio.AioRpcError as error:
            code = "".join(word.title() for word in error.code().name.split("_"))
            return {"errors": [f"rpc error: code = {code} desc = {error.details()}"]}
        return {"response": json_format.MessageToDict(answer)}


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "ARM_METADATA_HOSTNAME": "localhost:18443",
        "ARM_TENANT_ID": "11111111-1111-1111-1111-111111111111",
        "ARM_CLIENT_ID": "22222222-2222-2222-2222-222222222222",
        "ARM_CLIENT_SECRET": "x",
        "AZUREAD_STANDIN_POLL_SECONDS": "0",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def double(run: str) -> Double:
    return Double(segments_of(run))


@pytest.fixture
async def call(double: Double) -> AsyncIterator[Stub]:
    provider = Provider(lambda: httpx.AsyncClient(transport=httpx.MockTransport(double)))
    server, port = await start(provider)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield Stub(channel)
    await provider.close()
    await server.stop(grace=0)


@pytest.mark.parametrize("run", RUNS)
async def test_answers_and_requests_are_the_official_ones(run: str, double: Double, call: Stub) -> None:
    """Every answer is the recorded one, and so are the requests of every call, in their order."""
    recorded = segments_of(run)
    whole = [key_of_exchange(each) for segment in recorded for each in segment]

    for line in lines(run):
        asked_before = len(double.asked)
        answer = await call(line["method"], line["request"])

        expected = {name: line[name] for name in ("response", "errors") if name in line}
        assert expected == answer, f"{line['method']} {line['request'].get('name', '')}"
        assert is_subsequence(double.asked[asked_before:], whole), line["method"]

    assert Counter(whole) == Counter(double.asked)
