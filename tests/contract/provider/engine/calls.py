"""The calls that tests of the provider make over gRPC, as the engine makes them, and what they send."""

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
    """Spell a secret as the engine does."""
    return marshal({"x": value}, {"x"}).fields["x"]


def plain(struct: struct_pb2.Struct) -> dict[str, Any]:
    """Read properties, secrets unwrapped."""
    return unmarshal(struct).values


async def failure(call: Any) -> grpc.aio.AioRpcError:  # noqa: ANN401 - any call of a stub
    """Give the error that a call ends with."""
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
    """Diff a shelf that is as :data:`STATE` says."""
    found: provider_pb2.DiffResponse = await provider.Diff(
        provider_pb2.DiffRequest(id="1", urn=URN, olds=marshal(STATE), news=marshal(values), **more)
    )
    return found
