"""Tests that object IDs compare without case: in inputs, states, import IDs and Graph's answers."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from kzero_scim.clients.graph.client import GraphClient
from kzero_scim.clients.graph.sign_in import SignIn
from kzero_scim.clients.tls import ssl_context
from kzero_scim.provider.directory.group_members import user_members
from kzero_scim.provider.entra.app_role_assignments.resource import AppRoleAssignments, AppRoleAssignmentsInputs
from kzero_scim.provider.entra.attribute_mappings.model import AttributeMappingsInputs
from kzero_scim.provider.entra.attribute_mappings.resource import AttributeMappings
from kzero_scim.provider.entra.connection_test.resource import ConnectionTest, ConnectionTestInputs
from kzero_scim.provider.entra.on_demand_provisioning.resource import (
    OnDemandProvisioning,
    OnDemandProvisioningInputs,
)
from kzero_scim.provider.entra.provisioning_status.resource import ProvisioningStatus, ProvisioningStatusInputs
from kzero_scim.provider.entra.synchronization_credentials.model import SynchronizationCredentialsInputs
from kzero_scim.provider.entra.synchronization_credentials.resource import SynchronizationCredentials
from kzero_scim.provider.entra.synchronization_job.resource import SynchronizationJob, SynchronizationJobInputs
from kzero_scim.provider.services import Services
from kzero_scim.resource.codec import decode_lenient
from kzero_scim.resource.model import Found, as_plain, camel
from kzero_scim.settings.provider_config import Config
from tests.contract.local_entra import LocalEntra
from tests.contract.scripted_graph import JOB, PRINCIPAL, RESOURCE_ID, ScriptedGraph, call, no_sleep

ROBIN, ALEX = "robin@contoso.example", "alex@contoso.example"
URL = "https://kzero.example/realms/Contoso/scim/v2"
GUID = re.compile(rb"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Shouting(httpx.AsyncHTTPTransport):
    """Writes all IDs in answers in upper case."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return the changed answer."""
        answer = await super().handle_async_request(request)
        body = GUID.sub(lambda found: found[0].upper(), await answer.aread())
        headers = [(key, value) for key, value in answer.headers.multi_items() if key != "content-length"]
        return httpx.Response(answer.status_code, headers=headers, content=body, request=request)


def _shouted(entra: LocalEntra) -> Services:
    graph = GraphClient(SignIn(entra.config()), transport=Shouting(verify=ssl_context()), clock=lambda: 0.0)
    entra.clients.append(graph)
    services = Services(entra.config())
    services.__dict__["graph"] = graph
    return services


@pytest.fixture
def sp(entra: LocalEntra) -> str:
    """Return a service principal's object ID."""
    return entra.application()


async def test_answers_in_another_case_are_the_same_objects(entra: LocalEntra, sp: str) -> None:
    """A set of assignments is unchanged, counted once and removed if Graph writes its IDs in another case."""
    quiet, loud = AppRoleAssignments(entra.services()), AppRoleAssignments(_shouted(entra))
    robin = entra.organisation.user(ROBIN).id
    wanted = AppRoleAssignmentsInputs(service_principal_id=sp, users=[robin.upper(), ALEX], groups=["KZero users"])
    made = await quiet.create(call(), wanted)

    found = await loud.read(call(), sp, made.state)
    imported = await loud.read(call(), sp.upper(), None)
    again = await loud.create(call(), wanted)

    assert isinstance(found, Found)
    assert isinstance(imported, Found)
    assert await loud.diff(call(), sp, found.state, wanted) == []
    assert found.state.group_sizes == made.state.group_sizes
    assert sorted(imported.state.users) == sorted([ROBIN, ALEX])
    assert await loud.diff(call(), sp, imported.state, replace(wanted, users=[ROBIN, ALEX])) == []
    assert again.state.assignments == made.state.assignments
    assert len(entra.emulator.directory.assigned_to(sp)) == 3
    group = next(item.principal_id for item in made.state.assignments.values() if item.principal_type == "Group")
    loud_members = await user_members(_shouted(entra).graph, [group])
    assert loud_members == await user_members(entra.services().graph, [group])


async def test_a_state_in_another_case_keeps_its_assignments(entra: LocalEntra, sp: str) -> None:
    """A state whose IDs have another case changes nothing, and an update removes only who is no longer listed."""
    kind = AppRoleAssignments(entra.services())
    wanted = AppRoleAssignmentsInputs(
        service_principal_id=sp, users=[ROBIN, ALEX], groups=["KZero users"], unassign_max_users=5
    )
    made = await kind.create(call(), wanted)
    plain = as_plain(made.state)
    for name in ("appRoleId", "servicePrincipalId"):
        plain[name] = plain[name].upper()
    plain["groupSizes"] = {key.upper(): size for key, size in plain["groupSizes"].items()}
    for name, text in plain["assignments"].items():
        type_, principal, assignment = text.split(" ")
        plain["assignments"][name] = f"{type_} {principal.upper()} {assignment}"
    old = decode_lenient(kind.state, plain)
    wanted = replace(wanted, users=[ROBIN])

    changes = await kind.diff(call(), sp, old, wanted)
    state = await kind.update(call(), sp, old, wanted)

    assert not any(change.replace for change in changes)
    assert {change.path for change in changes} == {"users[1]"}
    assert {item["principalDisplayName"] for item in entra.emulator.directory.assigned_to(sp)} == {
        "Robin Falk",
        "KZero users",
    }
    assert state.group_sizes == made.state.group_sizes


PLACE: dict[str, Any] = {
    "service_principal_id": "5a4d0b0c-aaaa-4000-8000-00000000e401",
    "job_id": "scim.5a4d0b0caaaa.5a4d0b0c-bbbb-4000-8000-00000000e401",
}


@pytest.mark.parametrize(
    ("kind", "inputs", "outputs"),
    [
        (SynchronizationJob, SynchronizationJobInputs(service_principal_id=PLACE["service_principal_id"]), PLACE),
        (
            SynchronizationCredentials,
            SynchronizationCredentialsInputs(**PLACE, tenant_url=URL),
            {"settings_fingerprint": ""},
        ),
        (AttributeMappings, AttributeMappingsInputs(**PLACE), {}),
        (ConnectionTest, ConnectionTestInputs(**PLACE), {}),
        (ProvisioningStatus, ProvisioningStatusInputs(**PLACE, enabled=True), {}),
        (OnDemandProvisioning, OnDemandProvisioningInputs(**PLACE, user=ROBIN, verify="off"), {}),
    ],
)
async def test_inputs_in_another_case_replace_nothing(
    kind: Callable[[Services], Any],
    inputs: Any,  # noqa: ANN401 - inputs of any resource
    outputs: dict[str, Any],
) -> None:
    """The ID of a service principal, job or user in another case is no change."""
    resource = kind(Services(Config()))
    old = decode_lenient(
        resource.state, {**as_plain(inputs), **{camel(name): value for name, value in outputs.items()}}
    )
    changed = {
        name: value.upper()
        for name in ("service_principal_id", "job_id", "user")
        if isinstance(value := getattr(inputs, name, None), str)
    }

    assert await resource.diff(call(), "id", old, replace(inputs, **changed)) == []
    if "job_id" in changed:
        named = [replace(inputs, job_id=f"{template}.1.2") for template in ("customappsso", "customappssoOutDelta")]
        state = decode_lenient(resource.state, {**as_plain(named[0]), "settingsFingerprint": ""})
        assert await resource.diff(call(), "id", state, named[1]) == []


async def test_replaced_assignments_keep_what_the_new_set_has(entra: LocalEntra, sp: str) -> None:
    """Giving up the old set of the same service principal removes only who is not in the new one."""
    kind = AppRoleAssignments(entra.services())
    old = await kind.create(call(), AppRoleAssignmentsInputs(service_principal_id=sp, users=[ROBIN, ALEX]))
    new = await kind.create(call(), AppRoleAssignmentsInputs(service_principal_id=sp.upper(), users=[ROBIN]))

    await kind.give_up(call(), sp, old.state, new.state)

    assert [item["principalDisplayName"] for item in entra.emulator.directory.assigned_to(sp)] == ["Robin Falk"]


async def test_replaced_credentials_keep_the_keys_of_the_new_ones(entra: LocalEntra, sp: str) -> None:
    """Giving up the old credentials of the same service principal removes only keys that the new ones do not set."""
    kind = SynchronizationCredentials(entra.services())
    wanted = SynchronizationCredentialsInputs(
        service_principal_id=sp, tenant_url=URL, secret_token="one", notification_email="ops@contoso.example"
    )
    old = await kind.create(call(), wanted)
    new = await kind.create(call(), replace(wanted, secret_token="two", notification_email=None))

    await kind.give_up(call(), sp, old.state, new.state)

    assert entra.emulator.jobs.secrets[sp] == {"BaseAddress": URL, "SyncAll": "false", "SecretToken": "two"}


async def test_replaced_mappings_keep_the_rows_of_the_new_ones() -> None:
    """Giving up the old rows of the same job restores only rows that the new ones do not list."""
    graph = ScriptedGraph()
    kind = AttributeMappings(graph.services(), sleep=no_sleep)
    before = copy.deepcopy(graph.schema)
    wanted = AttributeMappingsInputs(service_principal_id=PRINCIPAL, job_id=JOB)
    old = await kind.create(call(), wanted)
    rows = {target: row for target, row in wanted.rows.items() if target != "displayName"}
    rows["name.givenName"] = replace(rows["name.givenName"], source="surname", expression=None, constant=None)
    new = await kind.create(call(), replace(wanted, rows=rows))
    new = replace(new, state=kind.inherit(old.state, new.state))

    await kind.give_up(call(), RESOURCE_ID, old.state, new.state)

    found = await kind.read(call(), RESOURCE_ID, new.state)
    assert isinstance(found, Found)
    assert await kind.diff(call(), RESOURCE_ID, found.state, replace(wanted, rows=rows)) == []
    await kind.delete(call(), RESOURCE_ID, new.state)
    assert graph.schema == before
    everything = await kind.read(call(), RESOURCE_ID, old.state)
    assert isinstance(everything, Found)
    assert await kind.diff(call(), RESOURCE_ID, everything.state, wanted) != []
