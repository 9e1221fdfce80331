"""Applications registered through Graph: how they sign in, to which tenants, and with which permissions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from kzero_sandbox.entra.emulator import EntraEmulator
from kzero_sandbox.entra.tenants import EntraTenants
from kzero_sandbox.organisation import Organisation

Json = dict[str, Any]
_ORIGIN = "https://entra.example"
_HOME, _CUSTOMER = Organisation(), Organisation.numbered(1)
_GRAPH = "00000003-0000-0000-c000-000000000000"
_JOB = {
    "issuer": "https://token.actions.githubusercontent.com",
    "subject": "repo:contoso/tenants:environment:production",
}
_REDIRECT = "https://entra.microsoft.com/"


def _tenants(folder: Path) -> EntraTenants:
    home = EntraEmulator(_ORIGIN, _HOME, None, state_file=folder / "home.json")
    return EntraTenants(home, None, folder / "tenants")


@dataclass
class Provider:
    """An Entra with the provider's tenant, a customer's tenant, and the provider's application in the first."""

    http: httpx.AsyncClient
    application: Json
    secret: str

    @property
    def client_id(self) -> str:
        """The application (client) id."""
        return str(self.application["appId"])

    @property
    def path(self) -> str:
        """The path of the application."""
        return f"/applications/{self.application['id']}"

    async def graph(self, tenant: Organisation, method: str, path: str, body: Json | None = None) -> httpx.Response:
        """Send a Graph request as an administrator of a tenant."""
        answer = await self.http.post(f"/sandbox/of/{tenant.tenant_id}/token")
        bearer = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        return await self.http.request(method, f"/v1.0{path}", json=body, headers=bearer)

    async def sign_in(self, tenant: Organisation, **credential: str) -> httpx.Response:
        """Sign in as the application."""
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "scope": f"{_ORIGIN}/.default",
            **(credential or {"client_secret": self.secret}),
        }
        return await self.http.post(f"/{tenant.tenant_id}/oauth2/v2.0/token", data=form)

    async def with_job(self, tenant: Organisation, **changes: Any) -> httpx.Response:  # noqa: ANN401 - JSON
        """Sign in with the token of a CI job."""
        token = (await self.http.post("/sandbox/oidc-token", json=_JOB | changes)).json()["value"]
        kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        return await self.sign_in(tenant, client_assertion=token, client_assertion_type=kind)

    async def graph_principal(self, tenant: Organisation) -> Json:
        """Return Microsoft Graph's own service principal in a tenant."""
        found = await self.graph(tenant, "GET", f"/servicePrincipals?$filter=appId eq '{_GRAPH}'")
        principal: Json = found.json()["value"][0]
        return principal


@pytest.fixture
async def provider(tmp_path: Path) -> AsyncIterator[Provider]:
    """Yield a multi-tenant application with a secret that requests one permission; no tenant has consented."""
    transport = httpx.ASGITransport(_tenants(tmp_path).app)
    async with httpx.AsyncClient(transport=transport, base_url=_ORIGIN) as http:
        (await http.post("/sandbox/tenants", json={"count": 2})).raise_for_status()
        made = Provider(http, {}, "")
        role = next(r for r in (await made.graph_principal(_HOME))["appRoles"] if r["value"] == "User.Read.All")
        body = {
            "displayName": "Provider",
            "signInAudience": "AzureADMultipleOrgs",
            "web": {"redirectUris": [_REDIRECT]},
            "requiredResourceAccess": [
                {"resourceAppId": _GRAPH, "resourceAccess": [{"id": role["id"], "type": "Role"}]}
            ],
        }
        made.application = (await made.graph(_HOME, "POST", "/applications", body)).raise_for_status().json()
        made.secret = (await made.graph(_HOME, "POST", f"{made.path}/addPassword", {})).json()["secretText"]
        yield made


def _code(answer: httpx.Response) -> int:
    code: int = answer.json()["error_codes"][0]
    return code


async def _consent(provider: Provider) -> Json:
    made = await provider.graph(_CUSTOMER, "POST", "/servicePrincipals", {"appId": provider.client_id})
    principal: Json = made.raise_for_status().json()
    return principal


async def test_an_application_signs_in_with_the_permissions_of_its_service_principal(
    provider: Provider,
) -> None:
    """An application of one tenant that another tenant consented to has each tenant's own grants there."""
    before = await provider.sign_in(_CUSTOMER)
    principal = await _consent(provider)
    graph = await provider.graph_principal(_CUSTOMER)
    bearer = {"Authorization": f"Bearer {(await provider.sign_in(_CUSTOMER)).json()['access_token']}"}
    refused = await provider.http.get("/v1.0/users", headers=bearer)
    role = next(role for role in graph["appRoles"] if role["value"] == "User.Read.All")
    assignment = {"principalId": principal["id"], "resourceId": graph["id"], "appRoleId": role["id"]}
    await provider.graph(_CUSTOMER, "POST", f"/servicePrincipals/{graph['id']}/appRoleAssignedTo", assignment)
    bearer = {"Authorization": f"Bearer {(await provider.sign_in(_CUSTOMER)).json()['access_token']}"}
    users = await provider.http.get("/v1.0/users", headers=bearer)
    groups = await provider.http.get("/v1.0/groups", headers=bearer)
    held = await provider.graph(_CUSTOMER, "GET", f"/servicePrincipals/{principal['id']}/appRoleAssignments")

    assert _code(before) == 7000229
    assert (refused.status_code, users.status_code, groups.status_code) == (403, 200, 403)
    assert users.json()["value"][0]["userPrincipalName"].endswith(_CUSTOMER.domain)
    assert [entry["appRoleId"] for entry in held.json()["value"]] == [role["id"]]


async def test_the_consent_link_has_the_same_effect(provider: Provider) -> None:
    """The consent page only redirects to a registered address, and a second consent grants nothing twice."""
    query = {"client_id": provider.client_id, "scope": f"{_ORIGIN}/.default", "state": "7"}
    path = f"/{_CUSTOMER.tenant_id}/v2.0/adminconsent"

    elsewhere = await provider.http.get(path, params=query | {"redirect_uri": "https://elsewhere.example"})
    first = await provider.http.get(path, params=query | {"redirect_uri": _REDIRECT})
    await provider.http.get(path, params=query | {"redirect_uri": _REDIRECT})

    assert _code(elsewhere) == 50011
    assert first.headers["location"] == f"{_REDIRECT}?admin_consent=True&tenant={_CUSTOMER.tenant_id}&state=7"
    bearer = {"Authorization": f"Bearer {(await provider.sign_in(_CUSTOMER)).json()['access_token']}"}
    assert (await provider.http.get("/v1.0/users", headers=bearer)).status_code == 200


async def test_a_tenant_can_block_the_application(provider: Provider) -> None:
    """A disabled service principal is refused; a deleted one is reported as missing and can be created again."""
    principal = await _consent(provider)
    path = f"/servicePrincipals/{principal['id']}"

    await provider.graph(_CUSTOMER, "PATCH", path, {"accountEnabled": False})
    disabled = await provider.sign_in(_CUSTOMER)
    await provider.graph(_CUSTOMER, "DELETE", path)
    deleted = await provider.sign_in(_CUSTOMER)
    await _consent(provider)

    assert (_code(disabled), _code(deleted)) == (7000112, 7000229)
    assert (await provider.sign_in(_CUSTOMER)).status_code == 200
    assert (await provider.sign_in(_HOME)).status_code == 401


async def test_secrets_are_returned_once_and_expire(provider: Provider) -> None:
    """Wrong, expired and removed secrets have different errors; reading the application shows no secret."""
    await _consent(provider)
    past = {"passwordCredential": {"endDateTime": "2026-01-01T00:00:00Z"}}
    ended = (await provider.graph(_HOME, "POST", f"{provider.path}/addPassword", past)).json()["secretText"]
    shown = (await provider.graph(_HOME, "GET", provider.path)).json()
    wrong = await provider.sign_in(_CUSTOMER, client_secret="wrong")
    over = await provider.sign_in(_CUSTOMER, client_secret=ended)
    first = {"keyId": shown["passwordCredentials"][0]["keyId"]}
    removed = await provider.graph(_HOME, "POST", f"{provider.path}/removePassword", first)

    assert [password["secretText"] for password in shown["passwordCredentials"]] == [None, None]
    assert (_code(wrong), _code(over), removed.status_code) == (7000215, 7000222, 204)
    assert _code(await provider.sign_in(_CUSTOMER)) == 7000215


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({}, None),
        ({"issuer": "https://gitlab.com"}, 700211),
        ({"subject": "repo:contoso/tenants:pull_request"}, 700213),
        ({"audience": "https://github.com/contoso"}, 700212),
        ({"lifetime": -600}, 700024),
    ],
    ids=["right", "issuer", "subject", "audience", "over"],
)
async def test_a_job_signs_in_by_its_platforms_token(provider: Provider, changes: Json, code: int | None) -> None:
    """Issuer, subject, audience and lifetime must match, each with its own error code."""
    await _consent(provider)
    federated = f"{provider.path}/federatedIdentityCredentials"
    body = {**_JOB, "name": "github", "audiences": ["api://AzureADTokenExchange"]}
    made = await provider.graph(_HOME, "POST", federated, body)
    again = await provider.graph(_HOME, "POST", federated, body)

    answer = await provider.with_job(_CUSTOMER, **changes)

    assert (made.status_code, again.status_code) == (201, 409)
    assert answer.status_code == (401 if code else 200)
    assert code is None or _code(answer) == code
    assert (await provider.graph(_HOME, "DELETE", f"{federated}/github")).status_code == 204
    assert _code(await provider.with_job(_CUSTOMER)) == 700211


async def test_a_single_tenant_application_is_unknown_in_others(provider: Provider) -> None:
    """A single-tenant application cannot have a service principal in another tenant."""
    await provider.graph(_HOME, "PATCH", provider.path, {"signInAudience": "AzureADMyOrg"})

    made = await provider.graph(_CUSTOMER, "POST", "/servicePrincipals", {"appId": provider.client_id})

    assert made.status_code == 400
    assert _code(await provider.sign_in(_CUSTOMER)) == 700016


async def test_registrations_and_consents_outlive_a_restart(tmp_path: Path) -> None:
    """Secrets and grants are stored for the home tenant and for the customer's tenant."""
    form = {"grant_type": "client_credentials", "scope": f"{_ORIGIN}/.default"}
    first = _tenants(tmp_path)
    async with first.running(), httpx.AsyncClient(transport=httpx.ASGITransport(first.app), base_url=_ORIGIN) as http:
        (await http.post("/sandbox/tenants", json={"count": 1})).raise_for_status()
        made = Provider(http, {}, "")
        body = {"displayName": "Provider", "signInAudience": "AzureADMultipleOrgs"}
        made.application = (await made.graph(_HOME, "POST", "/applications", body)).json()
        form["client_secret"] = (await made.graph(_HOME, "POST", f"{made.path}/addPassword", {})).json()["secretText"]
        form["client_id"] = made.client_id
        await _consent(made)

    again = httpx.ASGITransport(_tenants(tmp_path).app)
    async with httpx.AsyncClient(transport=again, base_url=_ORIGIN) as http:
        answer = await http.post(f"/{_CUSTOMER.tenant_id}/oauth2/v2.0/token", data=form)

    assert answer.status_code == 200, answer.text
