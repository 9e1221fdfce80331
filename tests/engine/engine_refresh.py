"""The drift that the engine sees in a refresh: the provider's Read and Diff over gRPC, without an engine."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

import grpc.aio
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from kzero_scim.provider.engine.adapter import Adapter, start
from kzero_scim.provider.engine.marshal import marshal, unmarshal
from kzero_scim.provider.package import KZERO
from kzero_scim.resource.codec import secret_keys
from kzero_scim.resource.paths import top_level
from kzero_scim.settings.tenant_settings import TenantSettings
from kzero_scim.stack.stack import ResourceState, Stack
from kzero_scim.tenant.drift import value_at
from kzero_scim.tenant.services import tenant_services

Row = tuple[str, str, Any, Any]
_SECRET: Final = "the stack's secret"
_OF_MISSING_KEY: Final = {"SyncAll": "scope"}
"""Maps a missing synchronization secret to the property that it stores."""


async def drift_of_a_refresh(stack: Stack) -> list[Row]:
    """Return resource, property, wanted and actual value of each difference, as ``pulumi preview --refresh`` finds it.

    A secret shows as ``(secret)``, a resource that is gone as the property ``""``.
    """
    settings = TenantSettings.parse(stack.configuration, stack.secret_keys, stack.project)
    rows: list[Row] = []
    async with tenant_services(settings, stack.configuration) as services:
        adapter = Adapter(replace(KZERO, connect=lambda _: services, on_drift=None))
        server, port = await start(adapter)
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = provider_pb2_grpc.ResourceProviderStub(channel)
            await stub.Configure(provider_pb2.ConfigureRequest(acceptSecrets=True))
            for token, facts in KZERO.facts.items():
                held = stack.find(token) if facts.drifts else None
                if held is not None:
                    rows += await _refreshed(stub, held)
        await server.stop(grace=None)
        await adapter.aclose()
    return rows


async def _refreshed(stub: provider_pb2_grpc.ResourceProviderStub, held: ResourceState) -> list[Row]:
    kind, secrets = held.type.rsplit(":", 1)[-1], secret_keys(KZERO.resources[held.type].inputs)
    urn = f"urn:pulumi:test::kzero-scim::{held.type}::tenant"
    given, known = (
        {key: _SECRET if value is None and key in secrets else value for key, value in side.items()}
        for side in (held.inputs, held.outputs)
    )
    inputs = marshal(given, secrets)
    found = await stub.Read(
        provider_pb2.ReadRequest(id=held.id, urn=urn, properties=marshal(known, secrets), inputs=inputs)
    )
    if not found.id:
        return [(kind, "", "exists", None)]
    answer = await stub.Diff(provider_pb2.DiffRequest(id=held.id, urn=urn, olds=found.properties, news=inputs))
    actual, own_course = unmarshal(found.properties).values, KZERO.facts[held.type].own_course
    rows: list[Row] = []
    for path, change in answer.detailedDiff.items():
        if top_level(path) in own_course:
            continue
        if top_level(path) == "missingKeys":
            property_ = _OF_MISSING_KEY[str(value_at(actual, path))]
            rows.append((kind, property_, given[property_], None))
            continue
        was = None if change.kind == provider_pb2.PropertyDiff.DELETE else value_at(given, path)
        now = None if change.kind == provider_pb2.PropertyDiff.ADD else value_at(actual, path)
        shown = ["(secret)" if top_level(path) in secrets and value is not None else value for value in (was, now)]
        rows.append((kind, path, *shown))
    return rows
