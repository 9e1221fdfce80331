"""Calls of the provider over gRPC, as the engine makes them, and their values."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import grpc.aio
import pytest
from google.protobuf import struct_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from kzero_scim.provider.engine.marshal import marshal, unmarshal

URN = "urn:pulumi:test::project::toy:index:Shelf::shelf"
CHILD_URN = "urn:pulumi:test::project::a:b:Box$toy:index:Shelf::shelf"
STATE = {
    "room": "hall",
    "label": "plain",
    "boards": 3,
    "parts": {},
    "colours": [],
    "serial": "s",
    "key": "k",
    "books": 0,
}


def secret(value: object) -> struct_pb2.Value:
    """Return a secret in the engine's encoding."""
    return marshal({"x": value}, {"x"}).fields["x"]


def plain(struct: struct_pb2.Struct) -> dict[str, Any]:
    """Return properties with secrets unwrapped."""
    return unmarshal(struct).values


async def failure(call: Any) -> grpc.aio.AioRpcError:  # noqa: ANN401 - any call of a stub
    """Return the error of a failed call."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value


async def create(
    provider: provider_pb2_grpc.ResourceProviderStub,
    values: Mapping[str, Any],
    **more: Any,  # noqa: ANN401 - fields of the request
) -> provider_pb2.CreateResponse:
    """Create a shelf."""
    created: provider_pb2.CreateResponse = await provider.Create(
        provider_pb2.CreateRequest(urn=URN, properties=marshal(values), **more)
    )
    return created


async def diff(
    provider: provider_pb2_grpc.ResourceProviderStub,
    values: Mapping[str, Any],
    **more: Any,  # noqa: ANN401 - fields of the request
) -> provider_pb2.DiffResponse:
    """Diff a shelf with the state :data:`STATE`."""
    found: provider_pb2.DiffResponse = await provider.Diff(
        provider_pb2.DiffRequest(id="1", urn=URN, olds=marshal(STATE), news=marshal(values), **more)
    )
    return found
