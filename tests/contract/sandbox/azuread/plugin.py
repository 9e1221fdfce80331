"""Run the azuread stand-in for contract tests: call it over gRPC, and script the Graph behind it."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import httpx
import pytest
from google.protobuf import empty_pb2, json_format
from kzero_sandbox.azuread.pauses import Pauses
from kzero_sandbox.azuread.provider import Provider
from kzero_sandbox.azuread.server import SERVICE, start
from pulumi.runtime.proto import plugin_pb2, provider_pb2

TENANT = "11111111-1111-1111-1111-111111111111"
CLIENT = "22222222-2222-2222-2222-222222222222"

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


class Waits(Pauses):
    """Does not wait, but records the seconds of each wait."""

    def __init__(self) -> None:
        """Start without waits."""
        super().__init__()
        self.seconds: list[float] = []

    async def pause(self, seconds: float) -> None:
        """Record the wait."""
        self.seconds.append(seconds)


def sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the environment in which the recordings were made."""
    for name in ("ARM_USE_OIDC", "ARM_OIDC_TOKEN", "AZUREAD_STANDIN_POLL_SECONDS"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "ARM_METADATA_HOSTNAME": "localhost:18443",
        "ARM_TENANT_ID": TENANT,
        "ARM_CLIENT_ID": CLIENT,
        "ARM_CLIENT_SECRET": "x",
    }.items():
        monkeypatch.setenv(name, value)


class Plugin:
    """A client of the stand-in over gRPC."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        """Use this channel."""
        self.channel = channel

    async def __call__(self, method: str, request: dict[str, Any]) -> dict[str, Any]:
        """Return the answer in the recordings' format."""
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


@asynccontextmanager
async def running(
    answer: Callable[[httpx.Request], httpx.Response], pauses: Pauses | None = None
) -> AsyncIterator[Plugin]:
    """Run the stand-in and send all its HTTP requests to `answer`."""
    provider = Provider(lambda: httpx.AsyncClient(transport=httpx.MockTransport(answer)), pauses)
    server, port = await start(provider)
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield Plugin(channel)
    finally:
        await provider.close()
        await server.stop(grace=0)
