"""Fixtures that serve the toy package over gRPC to the engine's stub."""

from __future__ import annotations

from collections.abc import AsyncIterator

import grpc.aio
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from kzero_scim.provider.engine.adapter import Adapter, start
from tests.toy_package import ToyService


@pytest.fixture
def service() -> ToyService:
    """Return the toy package's service."""
    return ToyService()


@pytest.fixture
async def adapter(service: ToyService) -> AsyncIterator[Adapter]:
    """Yield the adapter that answers the engine."""
    made = Adapter(service.package())
    yield made
    await made.aclose()


@pytest.fixture
async def fresh(adapter: Adapter) -> AsyncIterator[provider_pb2_grpc.ResourceProviderStub]:
    """Yield a stub of a provider that is not configured yet."""
    server, port = await start(adapter)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)
    await server.stop(grace=None)


@pytest.fixture
async def provider(fresh: provider_pb2_grpc.ResourceProviderStub) -> provider_pb2_grpc.ResourceProviderStub:
    """Return a stub of a configured provider."""
    await fresh.Configure(provider_pb2.ConfigureRequest(acceptSecrets=True))
    return fresh
