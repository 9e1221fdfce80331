"""Tests the mapper set on a real Keycloak."""

import dataclasses
from typing import Any

import pytest
from kzero_sandbox.running import Tenant

from kzero_scim.clients.keycloak.client import KeycloakClient, Representation
from kzero_scim.errors import KeycloakError, MissingRightError, PartialFailureError, ProviderError
from kzero_scim.provider.keycloak.mapper_set.model import MapperSetInputs, MapperSetState
from kzero_scim.provider.keycloak.mapper_set.resource import MapperSet
from kzero_scim.resource.model import UNKNOWN, Found
from kzero_scim.resource.reading import Absent, Unknown
from tests.contract.kzero_access import KZero, account, requests_of, signed_in

THEIRS = {
    "name": "audience",
    "protocol": "openid-connect",
    "protocolMapper": "oidc-audience-mapper",
    "config": {"included.custom.audience": "https://example.test", "access.token.claim": "true"},
}


@pytest.fixture(autouse=True)
def trusted(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust the sandbox's CA, as a tenant's program does."""
    for name in ("SSL_CERT_FILE", "NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, tenant.env[name])


def resource(kzero: KZero) -> MapperSet:
    """Return the resource with the test's services."""
    services: Any = kzero
    return MapperSet(services)


async def created(kzero: KZero, inputs: MapperSetInputs) -> MapperSetState:
    """Create the set and return its state."""
    return (await resource(kzero).create(kzero.call, inputs)).state


def mappers(tenant: Tenant) -> dict[str, Representation]:
    """Return the client's mappers in Keycloak by name."""
    return {mapper["name"]: mapper for mapper in tenant.scim_client().get("protocolMappers") or []}


def add(tenant: Tenant, mapper: Representation) -> None:
    """Add a mapper as an administrator."""
    uuid = tenant.scim_client()["id"]
    tenant.keycloak_admin.post(f"/clients/{uuid}/protocol-mappers/models", json=mapper).raise_for_status()


def edit(tenant: Tenant, name: str, config: dict[str, str], **changes: str) -> None:
    """Change a mapper's options as an administrator."""
    before = mappers(tenant)[name]
    body = {**before, **changes, "config": {**before["config"], **config}}
    path = f"/clients/{tenant.scim_client()['id']}/protocol-mappers/models/{before['id']}"
    tenant.keycloak_admin.put(path, json=body).raise_for_status()


def remove(tenant: Tenant, name: str) -> None:
    """Remove a mapper as an administrator."""
    path = f"/clients/{tenant.scim_client()['id']}/protocol-mappers/models/{mappers(tenant)[name]['id']}"
    tenant.keycloak_admin.delete(path).raise_for_status()


async def test_the_guides_seven_are_made_in_one_request_and_read_back_as_wanted(tenant: Tenant) -> None:
    """One request creates the guide's seven mappers with all token options and unescaped dots."""
    inputs = MapperSetInputs(realm=tenant.realm)
    async with signed_in(tenant) as kzero:
        state = await created(kzero, inputs)
        assert await resource(kzero).diff(kzero.call, "x", state, inputs) == []
    config = mappers(tenant)["tag"]["config"]
    assert config["claim.name"] == "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User:tag"
    assert all(config[f"{option}.token.claim"] == "true" for option in ("id", "access", "userinfo", "introspection"))
    assert mappers(tenant)["status"]["config"]["jsonType.label"] == "boolean"
    assert {name: mapper["id"] for name, mapper in mappers(tenant).items()} == state.mapper_ids
    assert len([request for request in requests_of(tenant) if request.endswith("/add-models")]) == 1


async def test_a_refresh_costs_one_sign_in_and_one_request(tenant: Tenant) -> None:
    """A refresh sends one request after the sign-in, for any number of mappers."""
    async with signed_in(tenant) as kzero:
        state = await created(kzero, MapperSetInputs(realm=tenant.realm))
    tenant.kzero.delete("/sandbox/requests").raise_for_status()
    async with signed_in(tenant) as kzero:
        found = await resource(kzero).read(kzero.call, f"{tenant.realm}/scim-endpoint", state)
    assert isinstance(found, Found)
    assert found.state == state
    assert requests_of(tenant) == [
        f"POST /realms/{tenant.realm}/protocol/openid-connect/token",
        f"GET /admin/realms/{tenant.realm}/clients",
    ]


async def test_drift_is_named_by_property_and_repaired_by_the_fewest_writes(tenant: Tenant) -> None:
    """Drift is a change of its property, few writes repair it, and unknown options stay."""
    inputs = MapperSetInputs(realm=tenant.realm)
    async with signed_in(tenant) as kzero:
        state = await created(kzero, inputs)
        edit(tenant, "status", {"jsonType.label": "String", "lightweight.claim": "true"})
        edit(tenant, "email", {"claim.value": "x"}, protocolMapper="oidc-hardcoded-claim-mapper")
        remove(tenant, "tag")
        found = await resource(kzero).read(kzero.call, f"{tenant.realm}/scim-endpoint", state)
        assert isinstance(found, Found)
        changes = await resource(kzero).diff(kzero.call, "x", found.state, inputs)
        assert [change.path for change in changes] == ["mappers.status.claimJsonType", "mappers.tag", "mappers.email"]
        tenant.kzero.delete("/sandbox/requests").raise_for_status()
        repaired = await resource(kzero).update(kzero.call, "x", found.state, inputs)
        writes = [request.split()[0] for request in requests_of(tenant) if not request.startswith("GET")]
        assert await resource(kzero).diff(kzero.call, "x", repaired, inputs) == []
    assert writes == ["PUT", "PUT", "POST"]
    assert mappers(tenant)["status"]["config"]["lightweight.claim"] == "true"
    assert mappers(tenant)["email"]["protocolMapper"] == "oidc-usermodel-attribute-mapper"
    assert repaired.fingerprint == state.fingerprint != found.state.fingerprint


async def test_mappers_of_others_are_left_alone_and_reported_until_the_set_is_exclusive(tenant: Tenant) -> None:
    """Other mappers are reported, and an exclusive set shows their removal in the diff."""
    add(tenant, THEIRS)
    inputs = MapperSetInputs(realm=tenant.realm)
    alone = dataclasses.replace(inputs, exclusive=True)
    async with signed_in(tenant) as kzero:
        state = await created(kzero, inputs)
        assert state.unmanaged == ["audience"]
        changes = await resource(kzero).diff(kzero.call, "x", state, alone)
        assert [change.path for change in changes] == ["exclusive", "unmanaged[0]"]
        state = await resource(kzero).update(kzero.call, "x", state, alone)
        assert state.unmanaged == []
        assert await resource(kzero).diff(kzero.call, "x", state, alone) == []
    assert "audience" not in mappers(tenant)


async def test_dots_are_escaped_on_request_and_their_loss_is_drift(tenant: Tenant) -> None:
    """Dots are escaped if requested, except in names that mean nesting, and a lost escape is drift."""
    inputs = MapperSetInputs(realm=tenant.realm, escape_dots=True)
    async with signed_in(tenant) as kzero:
        state = await created(kzero, inputs)
        assert r":2\.0:User:tag" in mappers(tenant)["tag"]["config"]["claim.name"]
        assert mappers(tenant)["firstName"]["config"]["claim.name"] == "name.givenName"
        assert await resource(kzero).diff(kzero.call, "x", state, inputs) == []
        edit(tenant, "tag", {"claim.name": inputs.mappers["tag"].claim})
        found = await resource(kzero).read(kzero.call, f"{tenant.realm}/scim-endpoint", state)
        assert isinstance(found, Found)
        assert [c.path for c in await resource(kzero).diff(kzero.call, "x", found.state, inputs)] == ["escapeDots"]
        plain = dataclasses.replace(inputs, escape_dots=False)
        await resource(kzero).update(kzero.call, "x", found.state, plain)
    assert mappers(tenant)["tag"]["config"]["claim.name"] == inputs.mappers["tag"].claim


async def test_a_dropped_mapper_goes_and_a_foreign_one_under_its_name_stays(tenant: Tenant) -> None:
    """A deletion removes owned mappers, but not one of another type under an owned name."""
    add(tenant, THEIRS)
    inputs = MapperSetInputs(realm=tenant.realm)
    fewer = dataclasses.replace(inputs, mappers={k: v for k, v in inputs.mappers.items() if k != "tag"})
    async with signed_in(tenant) as kzero:
        state = await created(kzero, inputs)
        state = await resource(kzero).update(kzero.call, "x", state, fewer)
        assert "tag" not in mappers(tenant)
        edit(tenant, "email", {}, protocolMapper="oidc-hardcoded-claim-mapper")
        await resource(kzero).delete(kzero.call, "x", state)
        assert sorted(mappers(tenant)) == ["audience", "email"]
        await resource(kzero).delete(kzero.call, "x", state)


async def test_an_import_finds_the_user_attribute_mappers(tenant: Tenant) -> None:
    """An import adopts the User Attribute mappers, and its program changes nothing."""
    add(tenant, THEIRS)
    wanted = MapperSetInputs(realm=tenant.realm)
    async with signed_in(tenant) as kzero:
        await created(kzero, wanted)
        found = await resource(kzero).read(kzero.call, f"{tenant.realm}/scim-endpoint", None)
        assert isinstance(found, Found)
        assert found.inputs == wanted
        assert found.state.unmanaged == ["audience"]
        assert await resource(kzero).diff(kzero.call, found.id, found.state, found.inputs) == []
        assert await resource(kzero).read(kzero.call, f"{tenant.realm}/nothing", None) == Absent()
        with pytest.raises(ProviderError, match="<realm>/<clientId>"):
            await resource(kzero).read(kzero.call, tenant.realm, None)
        near = await resource(kzero).read(kzero.call, f"{tenant.realm.lower()}/scim-endpoint", None)
        assert isinstance(near, Unknown)
        assert f'did you mean "{tenant.realm}"' in near.reason


async def test_mappers_that_somebody_made_by_hand_are_taken_over(tenant: Tenant) -> None:
    """Mappers made by hand are adopted, the preview logs that, and only a differing one is written."""
    inputs = MapperSetInputs(realm=tenant.realm)
    async with signed_in(tenant) as kzero:
        await created(kzero, inputs)
        edit(tenant, "manager", {"userinfo.token.claim": "false"})
        before = mappers(tenant)
        planned = await resource(kzero).plan(kzero.call, inputs, None)
        assert planned.mapper_ids == {name: mapper["id"] for name, mapper in before.items()}
        assert "manager with changes" in kzero.told.lines[-1][1]
        state = await created(kzero, inputs)
    assert state.mapper_ids == planned.mapper_ids
    assert state.fingerprint == planned.fingerprint


async def test_a_missing_client_says_how_it_comes_into_being(tenant: Tenant) -> None:
    """A missing client is a warning in a preview, an error in an update, and a deleted resource in a refresh."""
    inputs = MapperSetInputs(realm=tenant.realm, client_id="missing")
    async with signed_in(tenant) as kzero:
        planned = await resource(kzero).plan(kzero.call, inputs, None)
        assert planned.client_uuid is UNKNOWN
        assert "Integrations > SCIM > SCIM Endpoint" in kzero.told.lines[-1][1]
        with pytest.raises(ProviderError, match="confidential client with this name"):
            await resource(kzero).create(kzero.call, inputs)
        state = await created(kzero, MapperSetInputs(realm=tenant.realm))
        tenant.keycloak_admin.delete(f"/clients/{tenant.scim_client()['id']}").raise_for_status()
        assert await resource(kzero).read(kzero.call, f"{tenant.realm}/scim-endpoint", state) == Absent()
        await resource(kzero).delete(kzero.call, "x", state)


async def test_a_realm_in_the_wrong_case_is_refused_at_the_preview(tenant: Tenant) -> None:
    """A preview refuses a realm in the wrong case, before anything is written."""
    async with signed_in(tenant) as kzero:
        with pytest.raises(KeycloakError, match=f'did you mean "{tenant.realm}"'):
            await resource(kzero).plan(kzero.call, MapperSetInputs(realm=tenant.realm.lower()), None)


async def test_missing_roles_are_named_at_the_preview(tenant: Tenant) -> None:
    """A preview warns of the missing role of an account that may only read, or not even that. An update refuses it."""
    inputs = MapperSetInputs(realm=tenant.realm)
    async with signed_in(tenant, account(tenant, "view-clients")) as kzero:
        await resource(kzero).plan(kzero.call, inputs, None)
        [warning] = [text for level, text in kzero.told.lines if level == "warning"]
        assert "`pulumi up` needs the role manage-clients of client realm-management" in warning
        assert 'to change the mappers of client "scim-endpoint"' in warning
        assert 'client "only-view-clients" lacks' in warning
        with pytest.raises(MissingRightError, match="Give the account the role manage-clients"):
            await resource(kzero).create(kzero.call, inputs)
        assert mappers(tenant) == {}
    async with signed_in(tenant, account(tenant, "query-clients")) as kzero:
        await resource(kzero).plan(kzero.call, inputs, None)
        assert "give the account the role view-clients" in kzero.told.lines[-1][1]
        with pytest.raises(ProviderError, match="give the account the role view-clients"):
            await resource(kzero).create(kzero.call, inputs)


async def test_the_least_roles_are_enough(tenant: Tenant) -> None:
    """The role manage-clients is enough to change mappers, and view-clients to refresh."""
    async with signed_in(tenant, account(tenant, "manage-clients")) as kzero:
        state = await created(kzero, MapperSetInputs(realm=tenant.realm))
    async with signed_in(tenant, account(tenant, "view-clients")) as kzero:
        found = await resource(kzero).read(kzero.call, f"{tenant.realm}/scim-endpoint", state)
    assert isinstance(found, Found)
    assert found.state == state


async def test_a_failure_half_way_keeps_what_exists_and_the_next_update_goes_on(
    tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a failed second write, the state keeps the first, and the next update writes the rest."""
    inputs = MapperSetInputs(realm=tenant.realm)

    async def refuse(*_: object) -> None:
        message = "adding the mappers failed"
        raise KeycloakError(message)

    async with signed_in(tenant) as kzero:
        await created(kzero, dataclasses.replace(inputs, mappers={"status": inputs.mappers["manager"]}))
        with monkeypatch.context() as broken:
            broken.setattr(KeycloakClient, "add_mappers", refuse)
            with pytest.raises(PartialFailureError, match="only the mappers status were written") as failed:
                await resource(kzero).create(kzero.call, inputs)
        state = failed.value.state
        assert isinstance(state, MapperSetState)
        assert failed.value.id == f"{tenant.realm}/scim-endpoint"
        assert list(state.mappers) == ["status"]
        assert state.mappers["status"] == inputs.mappers["status"]
        state = await resource(kzero).update(kzero.call, failed.value.id, state, inputs)
        assert await resource(kzero).diff(kzero.call, "x", state, inputs) == []
