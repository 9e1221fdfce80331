"""Tests that states that another version wrote are read leniently, and inputs that a person wrote strictly."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator, Iterator
from typing import Any

import grpc.aio
import pytest
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

from kzero_scim.provider.engine.adapter import Adapter, start
from kzero_scim.provider.engine.marshal import marshal
from kzero_scim.provider.entra.app_role_assignments.resource import AppRoleAssignments, AppRoleAssignmentsInputs
from kzero_scim.provider.entra.attribute_mappings.model import AttributeMappingsInputs
from kzero_scim.provider.entra.attribute_mappings.resource import AttributeMappings
from kzero_scim.provider.entra.provisioning_status.resource import ProvisioningStatus, ProvisioningStatusInputs
from kzero_scim.provider.entra.synchronization_credentials.model import SynchronizationCredentialsInputs
from kzero_scim.provider.entra.synchronization_credentials.resource import SynchronizationCredentials
from kzero_scim.provider.entra.synchronization_job.resource import SynchronizationJob, SynchronizationJobInputs
from kzero_scim.provider.package import KZERO
from kzero_scim.resource.codec import decode_lenient
from kzero_scim.resource.model import Found, as_plain
from tests.baselines.baseline import recorded
from tests.contract.local_entra import LocalEntra
from tests.contract.scripted_graph import call

Json = dict[str, Any]
LATER = "laterProperty"
RESOURCES: list[Json] = [
    item for baseline in recorded() for item in baseline.resources if item["type"] in KZERO.resources
]
every_resource = pytest.mark.parametrize("item", RESOURCES, ids=[item["type"].rsplit(":", 1)[-1] for item in RESOURCES])


@pytest.fixture
async def provider() -> AsyncIterator[provider_pb2_grpc.ResourceProviderStub]:
    """Yield a stub of the real provider, configured without services."""
    adapter = Adapter(KZERO)
    server, port = await start(adapter)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        await stub.Configure(provider_pb2.ConfigureRequest(acceptSecrets=True))
        yield stub
    await server.stop(grace=None)
    await adapter.aclose()


def _records(kind: type, values: Json) -> Json:
    """Return properties with an unknown one at the top and in each object with declared properties."""
    changed = {**values, LATER: "x"}
    for key in ("prior", "oauth2", "lastCycle", "quarantine"):
        if isinstance(changed.get(key), dict):
            changed[key] = {**changed[key], LATER: 1.0}
    for key in ("rows", "mappers"):
        if isinstance(changed.get(key), dict):
            changed[key] = {name: {**row, LATER: "x"} for name, row in changed[key].items() if isinstance(row, dict)}
    assert decode_lenient(kind, changed) == decode_lenient(kind, values)
    return changed


async def _diff(
    provider: provider_pb2_grpc.ResourceProviderStub, item: Json, olds: Json, news: Json
) -> provider_pb2.DiffResponse:
    request = provider_pb2.DiffRequest(id=item["id"], urn=item["urn"], olds=marshal(olds), news=marshal(news))
    found: provider_pb2.DiffResponse = await provider.Diff(request)
    return found


@every_resource
async def test_a_later_versions_state_and_inputs_are_unchanged(
    provider: provider_pb2_grpc.ResourceProviderStub, item: Json
) -> None:
    """A refresh hands the inputs in the state to Diff. Properties of a later version are no difference and no error."""
    kind = KZERO.resources[item["type"]]

    found = await _diff(provider, item, _records(kind.state, item["outputs"]), _records(kind.inputs, item["inputs"]))

    assert found.changes == provider_pb2.DiffResponse.DIFF_NONE, list(found.detailedDiff)


def _without_one(values: Json) -> Iterator[tuple[str, Json]]:
    for key in values:
        yield key, {name: value for name, value in copy.deepcopy(values).items() if name != key}


@every_resource
async def test_an_earlier_versions_state_is_no_error(
    provider: provider_pb2_grpc.ResourceProviderStub, item: Json
) -> None:
    """Any property may be missing in the state, or in its inputs and its outputs."""
    for key, olds in _without_one(item["outputs"]):
        await _diff(provider, item, olds, item["inputs"])
        if key in item["inputs"]:
            news = {name: value for name, value in item["inputs"].items() if name != key}
            found = await _diff(provider, item, olds, news)
            assert not found.replaces, key


@every_resource
async def test_inputs_that_a_person_wrote_are_read_strictly(
    provider: provider_pb2_grpc.ResourceProviderStub, item: Json
) -> None:
    """Check refuses an unknown property by its name."""
    news = marshal({**item["inputs"], LATER: "x"})

    answer = await provider.Check(provider_pb2.CheckRequest(urn=item["urn"], news=news))

    assert LATER in [failure.property for failure in answer.failures]


@every_resource
def test_an_earlier_version_reads_todays_state(item: Json) -> None:
    """For a roll back, today's state still has every property of the recorded one, with the same value."""
    kind = KZERO.resources[item["type"]]

    for recorded_values, now in (
        (item["outputs"], as_plain(decode_lenient(kind.state, item["outputs"]))),
        (item["inputs"], as_plain(decode_lenient(kind.inputs, item["inputs"]))),
    ):
        own = {key: value for key, value in recorded_values.items() if not key.startswith("__") and value is not None}
        assert {key: now.get(key) for key in own} == own


async def test_a_refresh_of_an_earlier_versions_state_is_no_error(entra: LocalEntra) -> None:
    """Any property may be missing in the state when a resource is read."""
    services = entra.services()
    sp = entra.application()
    job = await SynchronizationJob(services).create(call(), SynchronizationJobInputs(service_principal_id=sp))
    place: dict[str, Any] = {"service_principal_id": sp, "job_id": job.state.job_id}
    url = "https://kzero.example/realms/Contoso/scim/v2"
    users = AppRoleAssignmentsInputs(service_principal_id=sp, users=["robin@contoso.example"], groups=["KZero users"])
    wanted: list[tuple[Any, Any]] = [
        (AppRoleAssignments(services), users),
        (SynchronizationCredentials(services), SynchronizationCredentialsInputs(**place, tenant_url=url)),
        (AttributeMappings(services), AttributeMappingsInputs(**place)),
        (ProvisioningStatus(services), ProvisioningStatusInputs(**place, enabled=False)),
    ]
    made: list[tuple[Any, Any]] = [(SynchronizationJob(services), job)]
    made += [(kind, await kind.create(call(), inputs)) for kind, inputs in wanted]
    for kind, resource in made:
        for key, values in _without_one(as_plain(resource.state)):
            found = await kind.read(call(), resource.id, decode_lenient(kind.state, values))
            assert isinstance(found, Found), key
            await kind.diff(call(), resource.id, found.state, found.inputs)
