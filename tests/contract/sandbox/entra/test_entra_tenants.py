"""Several Entra tenants at one origin: sign-ins, and which tenant a token reads."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from kzero_sandbox.entra.emulator import EntraEmulator
from kzero_sandbox.entra.tenants import EntraTenants
from kzero_sandbox.organisation import PARTNER, Organisation

_ORIGIN = "https://entra.example"
_ONE, _TWO = Organisation.numbered(1), Organisation.numbered(2)


def _tenants(folder: Path) -> EntraTenants:
    return EntraTenants(EntraEmulator(_ORIGIN, Organisation(), None), None, folder)


@pytest.fixture
async def entra(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Yield an Entra with two tenants besides the first."""
    transport = httpx.ASGITransport(_tenants(tmp_path).app)
    async with httpx.AsyncClient(transport=transport, base_url=_ORIGIN) as client:
        (await client.post("/sandbox/tenants", json={"count": 2})).raise_for_status()
        yield client


async def _sign_in(entra: httpx.AsyncClient, tenant: Organisation, client_id: str, secret: str) -> httpx.Response:
    return await entra.post(
        f"/{tenant.tenant_id}/oauth2/v2.0/token",
        data={
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": secret,
            "scope": f"{_ORIGIN}/.default",
        },
    )


async def _graph(entra: httpx.AsyncClient, token: str, path: str) -> httpx.Response:
    return await entra.get(f"/v1.0{path}", headers={"Authorization": f"Bearer {token}"})


@pytest.mark.parametrize("tenant", [_ONE, _TWO], ids=["one", "two"])
async def test_a_token_reads_the_tenant_that_issued_it(entra: httpx.AsyncClient, tenant: Organisation) -> None:
    """The provider's application signs in to each customer and only reads that customer's tenant."""
    answer = await _sign_in(entra, tenant, PARTNER.client_id, PARTNER.secret)

    found = await _graph(entra, answer.raise_for_status().json()["access_token"], "/users")
    names: list[dict[str, Any]] = found.raise_for_status().json()["value"]
    assert {user["userPrincipalName"].rpartition("@")[2] for user in names} == {tenant.domain, tenant.initial_domain}


async def test_an_application_of_one_tenant_is_unknown_in_another(entra: httpx.AsyncClient) -> None:
    """An application's secret is valid in its own tenant only."""
    own = _ONE.client("least-privilege")

    assert (await _sign_in(entra, _ONE, own.client_id, own.secret)).status_code == 200
    for other in (_TWO, Organisation()):
        refused = await _sign_in(entra, other, own.client_id, own.secret)
        assert refused.json()["error_codes"] == [700016]


async def test_a_multi_tenant_application_is_refused_without_consent(entra: httpx.AsyncClient) -> None:
    """The sign-in fails with AADSTS7000229 in a tenant that never consented and in one that withdrew consent."""
    never = await _sign_in(entra, Organisation(), PARTNER.client_id, PARTNER.secret)
    admin = (await entra.post(f"/sandbox/of/{_ONE.tenant_id}/token", json={})).json()["access_token"]
    gone = f"/v1.0/servicePrincipals/{_ONE.client('partner').object_id}"
    (await entra.delete(gone, headers={"Authorization": f"Bearer {admin}"})).raise_for_status()
    no_longer = await _sign_in(entra, _ONE, PARTNER.client_id, PARTNER.secret)

    assert never.json()["error_codes"] == no_longer.json()["error_codes"] == [7000229]
    assert (await _sign_in(entra, _TWO, PARTNER.client_id, PARTNER.secret)).status_code == 200


async def test_a_tenant_accepts_its_own_content_only(entra: httpx.AsyncClient) -> None:
    """A tenant's content can be restored in that tenant but not in another."""
    held = (await entra.get(f"/sandbox/of/{_ONE.tenant_id}/contents")).json()
    await entra.post(f"/sandbox/of/{_ONE.tenant_id}/users", json={"count": 3})

    (await entra.put(f"/sandbox/of/{_ONE.tenant_id}/contents", json=held)).raise_for_status()
    refused = await entra.put(f"/sandbox/of/{_TWO.tenant_id}/contents", json=held)

    assert (await entra.get(f"/sandbox/of/{_ONE.tenant_id}/contents")).json() == held
    assert refused.status_code == 400
    assert _TWO.tenant_id in refused.json()["error"]


async def test_a_token_that_names_another_tenant_is_refused(entra: httpx.AsyncClient) -> None:
    """The tenant in a token decides which tenant verifies it, but does not make it valid."""
    answer = await _sign_in(entra, _ONE, PARTNER.client_id, PARTNER.secret)
    head, claims, signature = answer.json()["access_token"].split(".")
    changed = json.loads(base64.urlsafe_b64decode(claims + "=="))
    changed["tid"] = _TWO.tenant_id
    forged = base64.urlsafe_b64encode(json.dumps(changed).encode()).decode().rstrip("=")

    assert (await _graph(entra, f"{head}.{forged}.{signature}", "/users")).status_code == 401


async def test_an_unknown_tenant_is_not_found(entra: httpx.AsyncClient) -> None:
    """An unknown tenant is refused with AADSTS90002."""
    nowhere = Organisation.numbered(3)

    refused = await _sign_in(entra, nowhere, PARTNER.client_id, PARTNER.secret)

    assert refused.json()["error_codes"] == [90002]


async def test_a_tenants_control_api_affects_that_tenant_only(entra: httpx.AsyncClient) -> None:
    """Clients, users and faults of one tenant do not affect another tenant."""
    body = {"secret": "another one"}  # pragma: allowlist secret
    (await entra.patch(f"/sandbox/of/{_ONE.tenant_id}/clients/partner", json=body)).raise_for_status()

    assert (await _sign_in(entra, _ONE, PARTNER.client_id, PARTNER.secret)).status_code == 401
    assert (await _sign_in(entra, _TWO, PARTNER.client_id, PARTNER.secret)).status_code == 200
    assert (await entra.get("/sandbox/of/nobody/state")).status_code == 404


async def test_tenants_survive_a_restart(tmp_path: Path) -> None:
    """After a restart, the tenants exist with their content."""
    tenants = _tenants(tmp_path)
    transport = httpx.ASGITransport(tenants.app)
    async with tenants.running(), httpx.AsyncClient(transport=transport, base_url=_ORIGIN) as client:
        await client.post("/sandbox/tenants", json={"count": 2})
        await client.post(f"/sandbox/of/{_TWO.tenant_id}/users", json={"count": 5})

    transport = httpx.ASGITransport(_tenants(tmp_path).app)
    async with httpx.AsyncClient(transport=transport, base_url=_ORIGIN) as client:
        listed = (await client.get("/sandbox/tenants")).json()
        state = (await client.get(f"/sandbox/of/{_TWO.tenant_id}/state")).json()

    assert [entry["tenantId"] for entry in listed] == [_ONE.tenant_id, _TWO.tenant_id]
    assert state["users"] == len(_TWO.users) + 5
