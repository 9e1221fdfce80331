"""Tests of signing in a fleet from a pipeline: each platform's tokens reach every tenant and stay fresh."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from kzero_sandbox.entra.emulator import EntraEmulator
from kzero_sandbox.entra.tenants import EntraTenants
from kzero_sandbox.organisation import Organisation
from kzero_sandbox.serving import ServerThread, issue_certificates, listen, port_of
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from kzero_scim.clients.graph.sign_in import SignIn
from kzero_scim.errors import GraphError
from kzero_scim.fleet.credentials.credentials import Credentials
from kzero_scim.fleet.project import FleetProject, FleetSettings, FleetTenant
from kzero_scim.settings.provider_config import Config

GITHUB, GITLAB, DEVOPS = "https://token.actions.githubusercontent.com", "https://gitlab.com", "https://devops.example"
SUBJECT = "the-job-of-the-fleet"
_TENANTS = {f"tenant-{number:03d}": Organisation.numbered(number) for number in (1, 2, 3)}


@dataclass
class Platform:
    """An Entra whose three tenants consented to a federated application, and the platforms' token service."""

    entra: httpx.Client
    url: str
    client_id: str
    asked: list[str] = field(default_factory=list)
    """What the platforms' own token service was asked."""

    def token(self, issuer: str, **changes: Any) -> str:  # noqa: ANN401 - JSON
        """Return a job's ID token."""
        answer = self.entra.post("/sandbox/oidc-token", json={"subject": SUBJECT, "issuer": issuer, **changes})
        return str(answer.json()["value"])

    async def serve(self, request: Request) -> Response:
        """Serve ID tokens like GitHub and Azure DevOps."""
        self.asked.append(f"{request.method} {request.url.path}?{request.url.query}")
        if request.headers.get("authorization") != "Bearer of-the-job":
            return Response(status_code=401)
        if request.method == "GET":
            audience = request.query_params["audience"]
            return JSONResponse({"value": self.token(GITHUB, audience=audience, lifetime=300)})
        return JSONResponse({"oidcToken": self.token(DEVOPS, lifetime=300)})

    async def sign_in_everywhere(self, **given: str) -> set[str]:
        """Sign in to each tenant with a job's environment, and return the tenants that answered."""
        tenants = {name: FleetTenant(name, Path("unused"), {}) for name in _TENANTS}
        project = FleetProject(Path("unused"), "p", FleetSettings(), tenants)
        base = {"ARM_CLIENT_ID": self.client_id, "ARM_USE_OIDC": "true", "ARM_USE_CLI": "false", **given}
        credentials = Credentials(project, base)
        seen = set()
        for name, organisation in _TENANTS.items():
            host = self.entra.base_url.netloc.decode()
            config = Config(tenant_id=organisation.tenant_id, metadata_host=host)
            token = await SignIn(config, credentials.environment_of(name)).token()
            answer = self.entra.get("/v1.0/organization", headers={"Authorization": f"Bearer {token}"})
            seen.add(answer.raise_for_status().json()["value"][0]["id"])
        return seen


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Platform]:
    """Yield such a platform, with TLS on loopback."""
    certificates = issue_certificates(tmp_path / "certificates")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca_file))
    monkeypatch.setenv("NO_PROXY", "localhost,127.0.0.1")
    listener, beside = listen(), listen()
    emulator = EntraEmulator(f"https://localhost:{port_of(listener)}", Organisation(), certificates.ca_file)
    entra = EntraTenants(emulator, certificates.ca_file, tmp_path / "tenants")
    context = ssl.create_default_context(cafile=str(certificates.ca_file))
    service = Starlette()
    with (
        ServerThread(entra.app, listener=listener, certificates=certificates) as server,
        ServerThread(service, listener=beside, certificates=certificates) as issuing,
        httpx.Client(base_url=server.url, verify=context, trust_env=False) as http,
    ):
        http.post("/sandbox/tenants", json={"count": len(_TENANTS)}).raise_for_status()
        made = Platform(http, issuing.url, _register(http))
        service.router.routes.append(Route("/token", made.serve, methods=["GET", "POST"]))
        yield made


def _register(http: httpx.Client) -> str:
    def graph(tenant: Organisation, path: str, body: dict[str, Any]) -> dict[str, Any]:
        token = http.post(f"/sandbox/of/{tenant.tenant_id}/token").json()["access_token"]
        answer = http.post(f"/v1.0{path}", json=body, headers={"Authorization": f"Bearer {token}"})
        found: dict[str, Any] = answer.raise_for_status().json()
        return found

    home = Organisation()
    application = graph(home, "/applications", {"displayName": "Fleet", "signInAudience": "AzureADMultipleOrgs"})
    for name, issuer in (("github", GITHUB), ("gitlab", GITLAB), ("devops", DEVOPS)):
        credential = {"name": name, "issuer": issuer, "subject": SUBJECT, "audiences": ["api://AzureADTokenExchange"]}
        graph(home, f"/applications/{application['id']}/federatedIdentityCredentials", credential)
    for tenant in _TENANTS.values():
        principal = graph(tenant, "/servicePrincipals", {"appId": application["appId"]})
        token = http.post(f"/sandbox/of/{tenant.tenant_id}/token").json()["access_token"]
        bearer = {"Authorization": f"Bearer {token}"}
        query = "$filter=appId eq '00000003-0000-0000-c000-000000000000'"
        resource = http.get(f"/v1.0/servicePrincipals?{query}", headers=bearer).json()["value"][0]
        role = next(item["id"] for item in resource["appRoles"] if item["value"] == "Organization.Read.All")
        body = {"principalId": principal["id"], "resourceId": resource["id"], "appRoleId": role}
        graph(tenant, f"/servicePrincipals/{resource['id']}/appRoleAssignedTo", body)
    return str(application["appId"])


_EVERYWHERE = {organisation.tenant_id for organisation in _TENANTS.values()}


async def test_github_is_asked_for_a_token_for_each_tenant(platform: Platform) -> None:
    """Each tenant gets a fresh GitHub token, because tokens expire after five minutes."""
    given = {
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"{platform.url}/token?job=1",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of-the-job",
    }

    assert await platform.sign_in_everywhere(**given) == _EVERYWHERE
    assert platform.asked == ["GET /token?job=1&audience=api%3A%2F%2FAzureADTokenExchange"] * 3


async def test_azure_devops_is_asked_for_a_token_of_the_service_connection_for_each_tenant(platform: Platform) -> None:
    """Each tenant gets a fresh token of the service connection."""
    given = {
        "SYSTEM_OIDCREQUESTURI": f"{platform.url}/token",
        "SYSTEM_ACCESSTOKEN": "of-the-job",
        "ARM_OIDC_AZURE_SERVICE_CONNECTION_ID": "connection-1",
    }

    assert await platform.sign_in_everywhere(**given) == _EVERYWHERE
    assert platform.asked == ["POST /token?api-version=7.1&serviceConnectionId=connection-1"] * 3


async def test_gitlabs_one_token_opens_every_tenant_until_it_is_over(platform: Platform) -> None:
    """GitLab's single token signs in every tenant, and the error of an expired one says what to do."""
    assert await platform.sign_in_everywhere(ARM_OIDC_TOKEN=platform.token(GITLAB)) == _EVERYWHERE
    with pytest.raises(GraphError, match=r"AADSTS700024: .*the id token is expired or not yet valid; get a fresh one"):
        await platform.sign_in_everywhere(ARM_OIDC_TOKEN=platform.token(GITLAB, lifetime=-600))


async def test_a_file_is_read_at_each_sign_in(platform: Platform, tmp_path: Path) -> None:
    """The token file is read at each sign-in, because workload identity renews it."""
    file = tmp_path / "token"
    file.write_text(platform.token(GITLAB, lifetime=-600))
    given = {"ARM_OIDC_TOKEN_FILE_PATH": str(file)}
    with pytest.raises(GraphError, match="AADSTS700024"):
        await platform.sign_in_everywhere(**given)

    file.write_text(platform.token(GITLAB))

    assert await platform.sign_in_everywhere(**given) == _EVERYWHERE
