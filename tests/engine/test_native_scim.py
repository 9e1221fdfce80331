"""A tenant with Keycloak's own SCIM API (preset ``keycloak``): real engine, real Keycloak, local Entra."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from kzero_scim.stack.stack import ResourceState, Stack
from kzero_scim.tenant.check import check
from tests.engine.tenant_program import TEST_USER, TenantStack, texts
from tests.realm_roles import grant, service_account

TAG = "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User:tag"

SETTINGS: dict[str, Any] = {
    "activationPreset": "keycloak",
    "profile": "Generic",
    "remoteTokenLifespan": 36_000,
    "scimAttributes": {"externalId": "externalId", "tag": TAG},
}


@pytest.fixture
def native(tenant_stack: TenantStack, monkeypatch: pytest.MonkeyPatch) -> TenantStack:
    """A stack with the preset ``keycloak``. Its account has the role manage-users, so that it can assign that role."""
    tenant = tenant_stack.tenant
    monkeypatch.setenv("KZERO_REMOTE_TOKEN_CLIENT_ID", tenant.credentials.scim_client_id)
    monkeypatch.setenv("KZERO_REMOTE_TOKEN_CLIENT_SECRET", tenant.credentials.scim_client_secret)
    grant(tenant, service_account(tenant, tenant.credentials.client_id), "manage-users")
    tenant_stack.set(**SETTINGS)
    return tenant_stack


def _roles(stack: TenantStack) -> list[str]:
    account = service_account(stack.tenant, stack.tenant.credentials.scim_client_id)
    held = stack.tenant.keycloak_admin.get(f"/users/{account}/role-mappings").json()
    found: list[dict[str, Any]] = held.get("clientMappings", {}).get("realm-management", {}).get("mappings", [])
    return [role["name"] for role in found]


def _failing_points(stack: TenantStack) -> dict[str, str]:
    """Return the failing checklist points with their evidence, checked live as `kzero-scim check` does."""
    env = stack.tenant.env
    settings = {"kzeroServerUrl": env["KZERO_SERVER_URL"], "kzeroTenant": stack.tenant.realm, "users": [TEST_USER]}
    settings |= {"activation": "attributes", "testUser": TEST_USER, **SETTINGS}
    azuread = {"azuread:tenantId": env["ARM_TENANT_ID"], "azuread:metadataHost": env["ARM_METADATA_HOSTNAME"]}
    resources = (
        ResourceState(type=item["type"], name="tenant", id=item.get("id", ""), **_sides(item))
        for item in stack.stack.state().values()
    )
    held = Stack("test", azuread | texts(settings), frozenset(), tuple(resources))
    return {item.item: item.evidence for item in asyncio.run(check(held)) if not item.passed}


def _sides(item: dict[str, Any]) -> dict[str, Any]:
    return {"inputs": item.get("inputs", {}), "outputs": item.get("outputs", {})}


def test_a_tenant_with_keycloaks_own_scim_api_is_set_up_and_removed(native: TenantStack) -> None:
    """Set-up passes the checklist and reports the API's limits, drift is reported, and destroy reverts everything."""
    admin = native.tenant.keycloak_admin
    profile = admin.get("/users/profile").json()
    planned = native.stack.preview()
    assert "Keycloak's own SCIM API is a preview feature" in planned.output
    assert "Keycloak drops urn:ietf" in planned.output
    assert f"Keycloak loses {TAG} when Entra creates a user" in planned.output

    native.up()

    checklist = native.stack.outputs()["checklist"]
    assert [item for item in checklist if not item["passed"]] == []
    assert "Keycloak's own SCIM API keeps userName, active, email, firstName, lastName, externalId" in str(checklist[1])
    assert "5 of 5 attributes equal" in checklist[6]["evidence"]
    native_requests = [
        entry["path"] for entry in native.tenant.kzero.get("/sandbox/requests").json() if "/scim/v2/" in entry["path"]
    ]
    assert native_requests
    user = native.user(TEST_USER)
    assert (user["firstName"], user["enabled"]) == ("Alex", True)
    assert user["attributes"]["externalId"]
    assert "tag" not in user["attributes"]
    assert native.stack.preview(expect_no_changes=True).changes == {}
    assert native.drift() == {}

    assert _failing_points(native) == {}

    native.cycle()
    assert native.user(TEST_USER)["attributes"]["tag"]
    (group,) = admin.get("/groups").json()
    assert group["name"] == "KZero users"
    members = {member["username"] for member in admin.get(f"/groups/{group['id']}/members").json()}
    assert len(members) > 1

    client = native.tenant.scim_client()
    (mapper,) = client["protocolMappers"]
    admin.delete(f"/clients/{client['id']}/protocol-mappers/models/{mapper['id']}").raise_for_status()
    changed = admin.get("/users/profile").json()
    changed["attributes"] = [row for row in changed["attributes"] if row["name"] != "tag"]
    admin.put("/users/profile", json=changed).raise_for_status()
    failing = _failing_points(native)
    assert "differs from the stack: attributes.tag" in failing["All required attribute mappings configured"]
    assert "client that Entra signs in as: differs from the stack: audience" in failing["Connection test successful"]
    drift = native.drift()
    assert drift["ScimApiClient"] == {"audience": ("", native.tenant.scim_url)}
    assert drift["ScimAttributes"].keys() == {"attributes.tag"}
    native.stack.up(refresh=True)
    assert native.drift() == {}

    native.stack.destroy()
    assert native.tenant.scim_client().get("protocolMappers") in (None, [])
    assert "access.token.lifespan" not in native.tenant.scim_client()["attributes"]
    assert _roles(native) == []
    assert admin.get("/users/profile").json() == profile
    assert native.endpoint_status() == 404
