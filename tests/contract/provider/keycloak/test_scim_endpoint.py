"""Tests the SCIM endpoint with the sandbox's KZero and with Keycloak's own attributes."""

import dataclasses
from typing import Any

import pytest
from kzero_sandbox.running import Tenant

from kzero_scim.clients.scim import Meaning, ScimClient
from kzero_scim.errors import KeycloakError, MissingRightError, PartialFailureError, ProviderError, ScimError
from kzero_scim.provider.keycloak.scim_endpoint.model import ScimEndpointInputs, ScimEndpointState
from kzero_scim.provider.keycloak.scim_endpoint.resource import ScimEndpoint
from kzero_scim.resource.model import Found
from kzero_scim.resource.reading import Unknown
from tests.contract.kzero_access import KZero, account, requests_of, signed_in


@pytest.fixture(autouse=True)
def trusted(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust the sandbox's CA, as a tenant's program does."""
    for name in ("SSL_CERT_FILE", "NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, tenant.env[name])


def resource(kzero: KZero) -> ScimEndpoint:
    """Return the resource with the test's services."""
    services: Any = kzero
    return ScimEndpoint(services)


def console(tenant: Tenant) -> ScimEndpointInputs:
    """Return the inputs of a tenant whose endpoint a person turns on."""
    return ScimEndpointInputs(realm=tenant.realm, azure_tenant_id=tenant.env["ARM_TENANT_ID"])


def attributes(tenant: Tenant) -> ScimEndpointInputs:
    """Return the inputs of a tenant whose endpoint the sandbox's attributes turn on."""
    return dataclasses.replace(console(tenant), activation="attributes", preset="sandbox")


async def created(kzero: KZero, inputs: ScimEndpointInputs) -> ScimEndpointState:
    """Create the endpoint and return its state."""
    return (await resource(kzero).create(kzero.call, inputs)).state


async def test_attributes_switch_the_endpoint_on_and_off(tenant: Tenant) -> None:
    """The attributes turn the endpoint on and off."""
    inputs = attributes(tenant)
    async with signed_in(tenant) as kzero:
        state = await created(kzero, inputs)
        assert state.alive
        assert state.tenant_url == tenant.scim_url
        assert await resource(kzero).diff(kzero.call, tenant.realm, state, inputs) == []
        await resource(kzero).delete(kzero.call, tenant.realm, state)
        answer = await kzero.scim.probe(tenant.scim_url)
    assert answer.meaning is Meaning.NOT_ENABLED


async def test_a_refresh_costs_a_sign_in_and_two_requests(tenant: Tenant) -> None:
    """A refresh reads the realm and checks the endpoint, and with activation console only checks it."""
    async with signed_in(tenant) as kzero:
        state = await created(kzero, attributes(tenant))
    tenant.kzero.delete("/sandbox/requests").raise_for_status()
    async with signed_in(tenant) as kzero:
        found = await resource(kzero).read(kzero.call, tenant.realm, state)
        assert isinstance(found, Found)
        assert found.state == state
        assert requests_of(tenant) == [
            f"POST /realms/{tenant.realm}/protocol/openid-connect/token",
            f"GET /admin/realms/{tenant.realm}",
            f"GET /realms/{tenant.realm}/scim/v2/ServiceProviderConfig",
        ]
        tenant.kzero.delete("/sandbox/requests").raise_for_status()
        by_hand = await created(kzero, console(tenant))
        await resource(kzero).read(kzero.call, tenant.realm, by_hand)
    assert all("/admin/" not in request for request in requests_of(tenant))


async def test_drift_of_each_setting_is_named_and_repaired(tenant: Tenant) -> None:
    """Drift of each of the three settings is named, and an update repairs it."""
    inputs = attributes(tenant)
    async with signed_in(tenant) as kzero:
        state = await created(kzero, inputs)
        for name, value, path in (
            ("kzero__scim__enabled", "false", "enabled"),
            ("kzero__scim__profile", "Generic", "profile"),
            ("kzero__scim__azureTenantId", "11111111-2222-4333-8444-555555555555", "azureTenantId"),
        ):
            tenant.set_realm_attributes(**{name: value})
            found = await resource(kzero).read(kzero.call, tenant.realm, state)
            assert isinstance(found, Found)
            assert [c.path for c in await resource(kzero).diff(kzero.call, "x", found.state, inputs)] == [path]
            state = await resource(kzero).update(kzero.call, tenant.realm, found.state, inputs)
            assert await resource(kzero).diff(kzero.call, "x", state, inputs) == []


async def test_console_activation_goes_on_once_somebody_has_switched_it_on(tenant: Tenant) -> None:
    """An update that waits continues when a person turns the endpoint on."""
    inputs = dataclasses.replace(console(tenant), activation_timeout=60)

    async def click(_seconds: float) -> None:
        tenant.set_realm_attributes(
            kzero__scim__enabled="true",
            kzero__scim__profile="Azure",
            kzero__scim__azureTenantId=tenant.env["ARM_TENANT_ID"],
        )

    async with signed_in(tenant) as kzero:
        services: Any = kzero
        patient = ScimEndpoint(services, sleep=click)
        await patient.plan(kzero.call, inputs, None)
        assert "`pulumi up` waits 60 s for this" in kzero.told.lines[-1][1]
        assert (await patient.create(kzero.call, inputs)).state.alive
        tenant.set_realm_attributes(kzero__scim__enabled="false")
        with pytest.raises(ProviderError, match="Integrations > SCIM > SCIM Endpoint"):
            await created(kzero, console(tenant))


async def test_a_client_can_hold_the_attributes(tenant: Tenant) -> None:
    """A client with manage-clients can have the attributes, and the error shows that the sandbox reads the realm."""
    inputs = dataclasses.replace(attributes(tenant), attribute_holder="client")
    async with signed_in(tenant, account(tenant, "manage-clients")) as kzero:
        with pytest.raises(PartialFailureError, match=r"reads these attributes: kzero\.scim\.enabled") as failed:
            await created(kzero, inputs)
        held = tenant.scim_client()["attributes"]
        assert held["kzero.scim.enabled"] == "true"
        state = failed.value.state
        assert isinstance(state, ScimEndpointState)
        await resource(kzero).delete(kzero.call, tenant.realm, state)
    held = tenant.scim_client()["attributes"]
    assert held["kzero.scim.enabled"] == "false"
    assert "kzero.scim.profile" not in held


async def test_keycloaks_own_scim_api_is_switched_by_its_attribute(tenant: Tenant) -> None:
    """The realm attribute scimApiEnabled turns on Keycloak's own SCIM API."""
    inputs = dataclasses.replace(attributes(tenant), preset="keycloak")
    async with signed_in(tenant) as kzero:
        state = await created(kzero, inputs)
        assert state.alive
        assert tenant.keycloak_admin.get("").json()["scimApiEnabled"] is True
        await resource(kzero).delete(kzero.call, tenant.realm, state)
        assert (await kzero.scim.probe(tenant.scim_url)).meaning is Meaning.NOT_ENABLED


async def test_a_realm_in_the_wrong_case_stops_preview_and_update(tenant: Tenant) -> None:
    """Preview and update refuse a realm in the wrong case, and write nothing."""
    wrong = dataclasses.replace(attributes(tenant), realm=tenant.realm.upper())
    async with signed_in(tenant) as kzero:
        for operation in (resource(kzero).plan(kzero.call, wrong, None), resource(kzero).create(kzero.call, wrong)):
            with pytest.raises(KeycloakError, match=f'did you mean "{tenant.realm}"'):
                await operation
    assert not [request for request in requests_of(tenant) if request.startswith("PUT")]


async def test_missing_roles_are_named_at_the_preview_or_before_the_write(tenant: Tenant) -> None:
    """A missing role view-realm or manage-realm is named before the first write."""
    async with signed_in(tenant, account(tenant, "view-users")) as kzero:
        with pytest.raises(KeycloakError, match="view-realm"):
            await resource(kzero).plan(kzero.call, attributes(tenant), None)
    async with signed_in(tenant, account(tenant, "view-realm")) as kzero:
        with pytest.raises(MissingRightError, match="manage-realm"):
            await created(kzero, attributes(tenant))


async def test_an_import_describes_what_is_there(tenant: Tenant) -> None:
    """An import describes the endpoint, its program changes nothing, and a wrong name gets a suggestion."""
    inputs = attributes(tenant)
    async with signed_in(tenant) as kzero:
        await created(kzero, inputs)
        found = await resource(kzero).read(kzero.call, tenant.realm, None)
        assert isinstance(found, Found)
        assert found.inputs == inputs
        assert await resource(kzero).diff(kzero.call, tenant.realm, found.state, found.inputs) == []
        near = await resource(kzero).read(kzero.call, tenant.realm.lower(), None)
        assert isinstance(near, Unknown)
        assert f'did you mean "{tenant.realm}"' in near.reason


async def test_a_look_at_real_addresses_tells_them_apart(tenant: Tenant) -> None:
    """The check distinguishes a missing tenant, a login page and an unreachable address."""
    server = tenant.env["KZERO_SERVER_URL"]
    client = ScimClient()
    wrong_case = await client.probe(f"{server}/realms/{tenant.realm.lower()}/scim/v2")
    assert not wrong_case.alive
    assert wrong_case.status == 404
    with pytest.raises(ScimError, match="cannot be reached"):
        await client.probe("https://localhost:1/realms/Contoso/scim/v2")
    await client.aclose()
