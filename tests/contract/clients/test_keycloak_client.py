"""The Keycloak client against a real Keycloak: its reads, its writes and its errors."""

import asyncio
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme
from kzero_sandbox.running import Tenant

from kzero_scim.clients.keycloak.client import KeycloakClient
from kzero_scim.clients.keycloak.session import Credentials
from kzero_scim.clients.retries import ONCE
from kzero_scim.errors import NO_REALM, KeycloakError, SettingsError
from kzero_scim.resource.reading import Absent, Present, Unknown
from tests.contract.kzero_access import account, automation, requests_of, server_of, signed_in

CLIENT = "scim-endpoint"


@pytest.fixture(autouse=True)
def trusted(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    """Trust the sandbox's CA as a tenant's program does."""
    for name in ("SSL_CERT_FILE", "NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, tenant.env[name])


# realms


async def test_a_realm_is_checked_for_its_exact_name_without_signing_in(tenant: Tenant) -> None:
    """The check sends one public request, even if it runs twice."""
    async with signed_in(tenant, Credentials()) as kzero:
        await kzero.keycloak.check_realm(tenant.realm)
        await kzero.keycloak.check_realm(tenant.realm)
    assert requests_of(tenant).count(f"GET /realms/{tenant.realm}") == 1


@pytest.mark.parametrize("change", [str.lower, str.upper, str.swapcase, lambda name: f" {name} "])
async def test_a_realm_in_the_wrong_case_names_the_near_miss(tenant: Tenant, change: Callable[[str], str]) -> None:
    """The error for a name in the wrong case shows the configured name."""
    async with signed_in(tenant) as kzero:
        with pytest.raises(KeycloakError, match=f'did you mean "{tenant.realm}"') as refused:
            await kzero.keycloak.check_realm(change(tenant.realm))
    assert refused.value.code == NO_REALM


async def test_the_near_miss_is_found_without_a_configured_realm(tenant: Tenant) -> None:
    """The right name is found from usual spellings, without a configured one."""
    async with signed_in(tenant, Credentials()) as kzero:
        with pytest.raises(KeycloakError, match=f'did you mean "{tenant.realm}"'):
            await kzero.keycloak.check_realm(tenant.realm.lower())


async def test_an_unknown_realm_says_where_to_copy_the_name_from(tenant: Tenant) -> None:
    """The error for an unknown name says where to copy the right one from."""
    async with signed_in(tenant) as kzero:
        with pytest.raises(KeycloakError, match="exactly as the KZero dashboard shows it"):
            await kzero.keycloak.check_realm("Nowhere")


async def test_signing_in_to_a_realm_in_the_wrong_case_names_the_near_miss_too(tenant: Tenant) -> None:
    """The error shows the right name if the configured realm has the wrong case."""
    made = automation(tenant)
    wrong = Credentials(realm=tenant.realm.lower(), client_id=made.client_id, client_secret=made.client_secret)
    async with signed_in(tenant, wrong) as kzero:
        with pytest.raises(KeycloakError, match=f'did you mean "{tenant.realm}"'):
            await kzero.keycloak.client(tenant.realm, CLIENT)


async def test_a_realm_with_blanks_and_umlauts_can_be_worked_on(tenant: Tenant) -> None:
    """Realm names are quoted in URLs, which python-keycloak does not do."""
    name = f"Zü ri {tenant.realm}"
    made = tenant.kzero.post("/sandbox/tenants", json={"name": name}).raise_for_status().json()
    try:
        mine = Credentials(client_id=made["client_id"], client_secret=made["client_secret"])
        async with signed_in(tenant, mine) as kzero:
            await kzero.keycloak.check_realm(name)
            found = await kzero.keycloak.client(name, CLIENT)
            await kzero.keycloak.set_realm_attributes(name, {"mine": "1"})
            assert (await kzero.keycloak.realm_attributes(name))["mine"] == "1"
            assert isinstance(found, Present)
            with pytest.raises(KeycloakError, match=f'did you mean "{name}"'):
                await kzero.keycloak.check_realm(name.swapcase())
    finally:
        tenant.kzero.delete(f"/sandbox/tenants/{name}").raise_for_status()


# signing in


async def test_concurrent_requests_sign_in_once(tenant: Tenant) -> None:
    """All operations of a run share one token."""
    async with signed_in(tenant) as kzero:
        found = await asyncio.gather(*(kzero.keycloak.client(tenant.realm, CLIENT) for _ in range(8)))
    assert all(isinstance(client, Present) for client in found)
    tokens = f"POST /realms/{tenant.realm}/protocol/openid-connect/token"
    # The fixture's administrator does not sign in before this.
    assert requests_of(tenant).count(tokens) == 1


async def test_a_user_of_the_realm_may_sign_in_instead(tenant: Tenant) -> None:
    """A user can sign in with the password grant of admin-cli."""
    made = tenant.credentials
    person = Credentials(realm=tenant.realm, username=made.admin_username, password=made.admin_password)
    async with signed_in(tenant, person) as kzero:
        assert isinstance(await kzero.keycloak.client(tenant.realm, CLIENT), Present)


def credentials(tenant: Tenant, case: str) -> Credentials:
    """Return wrong credentials of one kind."""
    made = tenant.credentials
    if case == "secret":
        return Credentials(realm=tenant.realm, client_id=made.client_id, client_secret="wrong-secret-4711")
    if case == "client":
        return Credentials(realm=tenant.realm, client_id="nobody", client_secret="wrong-secret-4711")
    if case == "public":
        return Credentials(realm=tenant.realm, client_id="admin-cli", client_secret="wrong-secret-4711")
    return Credentials(realm=tenant.realm, username=made.admin_username, password="wrong-secret-4711")


@pytest.mark.parametrize(
    ("case", "said", "remedy"),
    [
        ("secret", "unauthorized_client", "KZERO_CLIENT_SECRET"),
        ("client", "invalid_client", "KZERO_CLIENT_SECRET"),
        ("public", "Public client", "Service accounts roles"),
        ("user", "invalid_grant", "KZERO_PASSWORD"),
    ],
)
async def test_refused_credentials_say_who_where_and_what_to_do(
    tenant: Tenant, case: str, said: str, remedy: str
) -> None:
    """The error has one line with account, realm and remedy; no message shows the secret."""
    async with signed_in(tenant, credentials(tenant, case)) as kzero:
        with pytest.raises(KeycloakError) as refused:
            await kzero.keycloak.client(tenant.realm, CLIENT)
    message = str(refused.value)
    assert said in message
    assert remedy in message
    assert f'realm "{tenant.realm}"' in message
    assert "\n" not in message
    assert "wrong-secret-4711" not in "".join(traceback.format_exception(refused.value))


async def test_missing_credentials_are_a_settings_error(tenant: Tenant) -> None:
    """Missing credentials are an error of the first operation that needs them."""
    async with signed_in(tenant, Credentials()) as kzero:
        with pytest.raises(SettingsError, match="KZERO_CLIENT_ID"):
            await kzero.keycloak.client(tenant.realm, CLIENT)


# roles


async def test_each_forbidden_operation_names_the_role_that_it_takes(tenant: Tenant) -> None:
    """The error of a forbidden operation names the missing role."""
    async with signed_in(tenant, account(tenant)) as kzero:
        keycloak = kzero.keycloak
        mapper = {"id": "0", "name": "x", "protocol": "openid-connect", "protocolMapper": "y", "config": {}}
        for role, operation in (
            ("view-clients", keycloak.client(tenant.realm, CLIENT)),
            ("view-realm", keycloak.realm_attributes(tenant.realm)),
            ("view-users", keycloak.find_user(tenant.realm, "alex@contoso.example")),
            ("manage-clients", keycloak.add_mappers(tenant.realm, tenant.scim_client()["id"], [mapper])),
        ):
            with pytest.raises(KeycloakError, match=f"lacks the role {role} of client realm-management") as refused:
                await operation
            assert refused.value.status == 403


async def test_a_reduced_realm_is_not_taken_for_one_without_attributes(tenant: Tenant) -> None:
    """A reduced realm is an error, because writing it would delete all attributes."""
    async with signed_in(tenant, account(tenant, "view-users")) as kzero:
        with pytest.raises(KeycloakError, match=r"reduced realm.*view-realm"):
            await kzero.keycloak.set_realm_attributes(tenant.realm, {"mine": "1"})


async def test_lists_that_keycloak_filters_are_not_taken_for_empty(tenant: Tenant) -> None:
    """An empty list is not trusted if the account may only query."""
    async with signed_in(tenant, account(tenant, "query-clients", "query-users")) as kzero:
        client = await kzero.keycloak.client(tenant.realm, CLIENT)
        assert isinstance(client, Unknown)
        assert "view-clients" in client.reason
        user = await kzero.keycloak.find_user(tenant.realm, tenant.credentials.admin_username)
        assert isinstance(user, Unknown)
        assert "view-users" in user.reason


# attributes, users, mappers


async def test_realm_attributes_of_others_and_other_settings_survive_a_write(tenant: Tenant) -> None:
    """A write keeps all other attributes and settings of the realm."""
    tenant.keycloak_admin.put("", json={"displayName": "As it was", "failureFactor": 17}).raise_for_status()
    tenant.set_realm_attributes(theirs="1")
    before = tenant.keycloak_admin.get("").json()
    async with signed_in(tenant) as kzero:
        await kzero.keycloak.set_realm_attributes(tenant.realm, {"mine.dotted": "2", "gone": None})
        await kzero.keycloak.set_realm_attributes(tenant.realm, {"scimApiEnabled": "true"})
    after = tenant.keycloak_admin.get("").json()
    assert after["attributes"] == {**before["attributes"], "mine.dotted": "2", "scimApiEnabled": "true"}
    assert (after["displayName"], after["failureFactor"]) == ("As it was", 17)
    assert after["scimApiEnabled"] is True


async def test_attributes_that_are_as_wanted_are_not_written(tenant: Tenant) -> None:
    """Attributes that already have the wanted values are not written."""
    async with signed_in(tenant) as kzero:
        await kzero.keycloak.set_realm_attributes(tenant.realm, {"gone": None})
    assert f"PUT /admin/realms/{tenant.realm}" not in requests_of(tenant)


async def test_client_attributes_are_set_and_removed_one_by_one(tenant: Tenant) -> None:
    """Setting or removing one attribute keeps the others."""
    async with signed_in(tenant) as kzero:
        uuid = tenant.scim_client()["id"]
        await kzero.keycloak.set_client_attributes(tenant.realm, uuid, {"a": "1", "b": "2"})
        await kzero.keycloak.set_client_attributes(tenant.realm, uuid, {"a": None})
    found = tenant.scim_client()["attributes"]
    assert "a" not in found
    assert found["b"] == "2"


async def test_a_user_is_found_by_exact_name_with_all_attributes(tenant: Tenant) -> None:
    """A user is found by its exact name in any case, not by a prefix."""
    body = {"username": "alex@contoso.example", "attributes": {"extensionAttribute1": ["field"]}}
    tenant.keycloak_admin.post("/users", json=body).raise_for_status()
    async with signed_in(tenant) as kzero:
        found = await kzero.keycloak.find_user(tenant.realm, "Alex@contoso.example")
        assert isinstance(found, Present)
        assert found.value["attributes"]["extensionAttribute1"] == ["field"]
        assert await kzero.keycloak.find_user(tenant.realm, "alex@contoso") == Absent()


async def test_mappers_are_added_all_or_none(tenant: Tenant) -> None:
    """If one mapper's name exists already, no mapper is added."""
    uuid = tenant.scim_client()["id"]
    kind = {"protocol": "openid-connect", "protocolMapper": "oidc-usermodel-attribute-mapper"}
    one: dict[str, Any] = {**kind, "name": "one", "config": {}}
    two: dict[str, Any] = {**kind, "name": "two", "config": {}}
    async with signed_in(tenant) as kzero:
        await kzero.keycloak.add_mappers(tenant.realm, uuid, [one])
        with pytest.raises(KeycloakError, match=r"mappers two, one.*409"):
            await kzero.keycloak.add_mappers(tenant.realm, uuid, [two, one])
    assert [mapper["name"] for mapper in tenant.scim_client()["protocolMappers"]] == ["one"]


# the connection


async def test_an_unreachable_server_is_named_with_what_to_check() -> None:
    """The error names the unreachable server and what to check."""
    keycloak = KeycloakClient("https://localhost:1", Credentials(client_id="a", client_secret="b"), policy=ONCE)
    with pytest.raises(KeycloakError, match=r"https://localhost:1 cannot be reached.*KZERO_SERVER_URL") as failed:
        await keycloak.client("Contoso", CLIENT)
    assert failed.value.status is None
    with pytest.raises(KeycloakError, match="cannot be reached"):
        await keycloak.check_realm("Contoso")
    await keycloak.aclose()


async def test_a_certificate_of_another_ca_is_refused_and_the_trust_store_named(
    tenant: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An untrusted certificate is an error that names the trust store."""
    other = tmp_path / "other-ca.pem"
    trustme.CA().cert_pem.write_to_path(str(other))
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    keycloak = KeycloakClient(server_of(tenant), automation(tenant), policy=ONCE)
    for operation in (keycloak.check_realm(tenant.realm), keycloak.client(tenant.realm, CLIENT)):
        with pytest.raises(KeycloakError, match=r"is not trusted.*other-ca\.pem"):
            await operation
    await keycloak.aclose()
