"""Fixtures that serve the toy package over gRPC to the engine's stub."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import grpc.aio
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from kzero_scim.provider.engine.adapter import Adapter, start
from tests.toy_package import ToyService

Serve = Callable[..., Coroutine[Any, Any, int]]


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
async def serve() -> AsyncIterator[Serve]:
    """Yield a function that serves an adapter and returns its port. Its servers stop also after a failed test."""
    async with AsyncExitStack() as servers:

        async def serve(adapter: Adapter, **options: Any) -> int:  # noqa: ANN401 - options of start
            server, port = await start(adapter, **options)
            servers.push_async_callback(partial(server.stop, grace=None))
            return port

        yield serve


@pytest.fixture
async def fresh(adapter: Adapter, serve: Serve) -> AsyncIterator[provider_pb2_grpc.ResourceProviderStub]:
    """Yield a stub of a provider that is not configured yet."""
    async with grpc.aio.insecure_channel(f"127.0.0.1:{await serve(adapter)}") as channel:
        yield provider_pb2_grpc.ResourceProviderStub(channel)


@pytest.fixture
async def provider(fresh: provider_pb2_grpc.ResourceProviderStub) -> provider_pb2_grpc.ResourceProviderStub:
    """Return a stub of a configured provider."""
    await fresh.Configure(provider_pb2.ConfigureRequest(acceptSecrets=True))
    return fresh
