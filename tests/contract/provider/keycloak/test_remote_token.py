"""Tests tokens of the realm for Entra, with the sandbox's Keycloak and an endpoint of profile Generic."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from kzero_sandbox.running import Tenant

from kzero_scim.errors import ProviderError, ScimError, TokenError
from kzero_scim.provider.keycloak.remote_token.resource import RemoteToken, RemoteTokenInputs
from kzero_scim.provider.services import Services
from kzero_scim.resource.model import Call, Change, Found
from kzero_scim.settings.provider_config import Config
from tests.recording_log import RecordingLog


@dataclasses.dataclass
class Scene:
    """The resource on one tenant, and its log."""

    tenant: Tenant
    services: Services
    told: RecordingLog = dataclasses.field(default_factory=RecordingLog)
    later: timedelta = timedelta()

    @property
    def call(self) -> Call:
        """A request of the engine."""
        return Call(urn="urn:test", name="test", log=self.told)

    @property
    def resource(self) -> RemoteToken:
        """The resource, with the time that the test sets."""
        return RemoteToken(self.services, now=lambda: datetime.now(UTC) + self.later)

    async def wanted(self, **changes: Any) -> RemoteTokenInputs:  # noqa: ANN401 - any input
        """Return checked inputs."""
        given = RemoteTokenInputs(realm=self.tenant.realm, tenant_url=self.tenant.scim_url, **changes)
        inputs, failures = await self.resource.check(self.call, given, None)
        assert failures == []
        return inputs

    def configure(self, **changes: Any) -> None:  # noqa: ANN401 - any setting
        """Change the provider's configuration."""
        self.services.config = dataclasses.replace(self.services.config, **changes)

    def let_live(self, seconds: int) -> None:
        """Set the client's Access Token Lifespan."""
        uuid = self.tenant.scim_client()["id"]
        body = {"id": uuid, "attributes": {"access.token.lifespan": str(seconds)}}
        self.tenant.keycloak_admin.put(f"/clients/{uuid}", json=body).raise_for_status()


@pytest_asyncio.fixture
async def scene(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """Return a tenant with an enabled endpoint of profile Generic, and a client whose tokens last ten hours."""
    for name in ("SSL_CERT_FILE", "NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, tenant.env[name])
    tenant.set_realm_attributes(kzero__scim__enabled="true", kzero__scim__profile="Generic")
    config = Config(
        server_url=tenant.env["KZERO_SERVER_URL"],
        remote_token_client_id=tenant.credentials.scim_client_id,
        remote_token_client_secret=tenant.credentials.scim_client_secret,
    )
    services = Services(config)
    made = Scene(tenant, services)
    made.let_live(36_000)
    yield made
    await services.aclose()


async def test_a_token_is_obtained_and_tried_and_no_difference_follows(scene: Scene) -> None:
    """A token is obtained and tested, a short lifespan is a warning, and a read sends no request."""
    wanted = await scene.wanted()
    made = await scene.resource.create(scene.call, wanted)

    assert made.id == f"{scene.tenant.realm}/scim-endpoint"
    assert made.state.lifespan == 36_000
    assert made.state.access_token
    (warning,) = [text for level, text in scene.told.lines if level == "warning"]
    assert "expire after 10 h" in warning
    scene.tenant.kzero.delete("/sandbox/requests").raise_for_status()
    found = await scene.resource.read(scene.call, made.id, made.state)
    assert isinstance(found, Found)
    assert await scene.resource.diff(scene.call, made.id, found.state, wanted) == []
    assert await scene.resource.plan(scene.call, wanted, made.state) == made.state
    assert scene.tenant.kzero.get("/sandbox/requests").json() == []


async def test_a_token_is_replaced_before_its_end_or_in_the_second_half_of_its_life(scene: Scene) -> None:
    """A token due for replacement is a change of expiresAt, and a changed renewBefore alone keeps the token."""
    wanted = await scene.wanted(renew_before=3600)
    made = await scene.resource.create(scene.call, wanted)
    half = await scene.wanted()

    later = await scene.resource.update(scene.call, made.id, made.state, half)
    assert later.access_token == made.state.access_token
    scene.later = timedelta(hours=6)
    assert await scene.resource.diff(scene.call, made.id, made.state, wanted) == []
    assert await scene.resource.diff(scene.call, made.id, later, half) == [Change("expiresAt")]
    scene.later = timedelta(hours=9, minutes=1)
    assert await scene.resource.diff(scene.call, made.id, made.state, wanted) == [Change("expiresAt")]
    renewed = await scene.resource.update(scene.call, made.id, made.state, wanted)
    assert renewed.access_token != made.state.access_token


async def test_a_token_that_does_not_last_until_the_next_cycle_is_refused(scene: Scene) -> None:
    """A preview refuses a token that expires before the next cycle, except with method oauth2."""
    scene.let_live(300)

    with pytest.raises(ProviderError, match=r"expire after 5 min, but Entra has a cycle.*Access Token"):
        await scene.resource.plan(scene.call, await scene.wanted(), None)
    made = await scene.resource.create(scene.call, await scene.wanted(method="oauth2"))
    scene.later = timedelta(days=1)

    assert made.state.access_token is None
    assert await scene.resource.diff(scene.call, made.id, made.state, await scene.wanted(method="oauth2")) == []


async def test_a_rotated_secret_is_a_difference_and_is_kept_nowhere(scene: Scene) -> None:
    """A rotated secret is a difference, and the state has only its salted hash."""
    wanted = await scene.wanted(method="oauth2")
    made = await scene.resource.create(scene.call, wanted)
    assert scene.tenant.credentials.scim_client_secret not in repr(dataclasses.asdict(made.state))

    scene.configure(remote_token_client_secret="another")

    assert await scene.resource.diff(scene.call, made.id, made.state, wanted) == [Change("secretFingerprint")]
    with pytest.raises(TokenError, match=r'a token to client "scim-endpoint": it answered 401.*secret is wrong'):
        await scene.resource.plan(scene.call, wanted, made.state)


@pytest.mark.parametrize(
    ("client", "endpoint", "words"),
    [
        ("nobody", None, r"answered 401.*does not exist there"),
        ("admin-cli", None, r"answered 401.*Service accounts roles"),
        (None, "/realms/Nowhere/protocol/openid-connect/token", r"answered 404.*case-sensitive"),
        (None, "/", r"a redirect, and credentials are not sent|no bearer token|answered"),
    ],
)
async def test_a_refusal_of_the_token_endpoint_names_what_is_wrong(
    scene: Scene, client: str | None, endpoint: str | None, words: str
) -> None:
    """The error names a wrong client, setting, realm or address, and does not contain the secret."""
    address = scene.tenant.env["KZERO_SERVER_URL"] + endpoint if endpoint else None
    wanted = await scene.wanted(client_id=client, token_endpoint=address)

    with pytest.raises(TokenError, match=words) as refused:
        await scene.resource.create(scene.call, wanted)
    assert scene.tenant.credentials.scim_client_secret not in str(refused.value)


async def test_an_endpoint_that_refuses_the_token_names_what_is_wrong(scene: Scene) -> None:
    """The error names a wrong profile, audience or role, or a disabled endpoint."""
    wanted = await scene.wanted()
    admin = scene.tenant.keycloak_admin
    scene.tenant.set_realm_attributes(kzero__scim__profile="Azure")
    with pytest.raises(ScimError, match=r"answers 401.*Profile is Generic"):
        await scene.resource.create(scene.call, wanted)
    scene.tenant.set_realm_attributes(kzero__scim__enabled="false")
    with pytest.raises(ScimError, match=r"answers 404.*not enabled"):
        await scene.resource.create(scene.call, wanted)

    attributes = admin.get("").json()["attributes"] | {"scimApiEnabled": "true"}
    admin.put("", json={"realm": scene.tenant.realm, "attributes": attributes}).raise_for_status()
    with pytest.raises(ScimError, match=r"answers 401: Invalid token audience; the client needs an audience mapper"):
        await scene.resource.create(scene.call, wanted)
    mapper = {
        "name": "audience",
        "protocol": "openid-connect",
        "protocolMapper": "oidc-audience-mapper",
        "config": {"included.custom.audience": scene.tenant.scim_url, "access.token.claim": "true"},
    }
    uuid = scene.tenant.scim_client()["id"]
    admin.post(f"/clients/{uuid}/protocol-mappers/models", json=mapper).raise_for_status()
    with pytest.raises(ScimError, match=r"answers 403: the client's service account lacks a role.*manage-users"):
        await scene.resource.create(scene.call, wanted)


async def test_a_client_that_is_not_configured_is_a_failure_of_the_inputs(scene: Scene) -> None:
    """A missing client, or an address that would get the secret unencrypted, is refused without a request."""
    scene.configure(remote_token_client_secret=None)
    given = RemoteTokenInputs(realm="R", tenant_url="https://x.example/scim/v2", token_endpoint="http://x.example/t")

    _, failures = await scene.resource.check(scene.call, given, None)

    assert [failure.path for failure in failures] == ["clientId", "tokenEndpoint"]
    assert "KZERO_REMOTE_TOKEN_CLIENT_SECRET" in failures[0].reason
