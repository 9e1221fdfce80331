"""Tests the resources for Keycloak's own SCIM API with the sandbox's Keycloak."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from kzero_sandbox.running import Tenant

from kzero_scim.clients.keycloak.session import Credentials, Session
from kzero_scim.errors import MissingRightError, PartialFailureError, ProviderError
from kzero_scim.provider.keycloak.scim_api_client.resource import (
    MAPPER_NAME,
    ScimApiClient,
    ScimApiClientInputs,
    ScimApiClientState,
)
from kzero_scim.provider.keycloak.scim_attributes.resource import ScimAttributes, ScimAttributesInputs
from kzero_scim.provider.services import Services
from kzero_scim.resource.model import Call, Change, ChangeKind, Found
from kzero_scim.settings.provider_config import Config
from tests.contract.kzero_access import account, requests_of
from tests.recording_log import RecordingLog

ENOUGH = ("view-clients", "manage-clients", "view-users", "manage-users", "view-realm", "manage-realm")


@dataclasses.dataclass
class Scene:
    """One tenant, and its resources with accounts of different roles."""

    tenant: Tenant
    opened: list[Services] = dataclasses.field(default_factory=list)
    told: RecordingLog = dataclasses.field(default_factory=RecordingLog)

    @property
    def call(self) -> Call:
        """A request of the engine."""
        return Call(urn="urn:test", name="test", log=self.told)

    @property
    def warnings(self) -> list[str]:
        """The warnings so far."""
        return [text for level, text in self.told.lines if level == "warning"]

    def services(self, credentials: Credentials) -> Services:
        """Return the services for resources, signed in as an account."""
        config = Config(
            server_url=self.tenant.env["KZERO_SERVER_URL"],
            realm=self.tenant.realm,
            kzero_client_id=credentials.client_id,
            kzero_client_secret=credentials.client_secret,
        )
        self.opened.append(Services(config))
        return self.opened[-1]

    def able(self) -> Services:
        """Return services of an account with all roles that the resources need."""
        return self.services(account(self.tenant, *ENOUGH))

    @property
    def wanted(self) -> ScimApiClientInputs:
        """Inputs for the client ``scim-endpoint``, with tokens of two hours."""
        return ScimApiClientInputs(
            realm=self.tenant.realm,
            client_id="scim-endpoint",
            audience=self.tenant.scim_url,
            access_token_lifespan=7200,
        )


@pytest_asyncio.fixture
async def scene(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """Return a tenant, and close its connections afterwards."""
    for name in ("SSL_CERT_FILE", "NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, tenant.env[name])
    made = Scene(tenant)
    yield made
    for services in made.opened:
        await services.aclose()


async def test_a_client_gets_what_it_lacks_and_loses_it_again(scene: Scene) -> None:
    """The client gets audience, role and lifespan, a refresh sends three requests, and a deletion undoes it."""
    client = ScimApiClient(scene.able())
    made = await client.create(scene.call, scene.wanted)
    assert made.state.made == ["audience", "lifespan", "role"]
    assert await client.diff(scene.call, made.id, made.state, scene.wanted) == []

    scene.tenant.kzero.delete("/sandbox/requests").raise_for_status()
    found = await client.read(scene.call, made.id, made.state)
    assert isinstance(found, Found)
    assert found.state == made.state
    assert len(requests_of(scene.tenant)) == 3

    elsewhere = dataclasses.replace(scene.wanted, audience="https://new.example/scim/v2", access_token_lifespan=None)
    moved = await client.update(scene.call, made.id, made.state, elsewhere)
    assert moved.audiences == ["https://new.example/scim/v2"]
    assert moved.made == ["audience", "role"]
    assert "access.token.lifespan" not in scene.tenant.scim_client()["attributes"]

    await client.delete(scene.call, made.id, moved)
    imported = await client.read(scene.call, made.id, None)
    assert isinstance(imported, Found)
    assert (imported.state.audiences, imported.state.roles) == ([], [])
    assert [change.path for change in await client.diff(scene.call, made.id, imported.state, elsewhere)] == [
        "audience",
        "managesUsers",
    ]


async def test_an_account_that_may_not_hand_the_role_on_says_who_can(scene: Scene) -> None:
    """A preview warns of an account that may not assign the role, and an update refuses before it changes anything."""
    client = ScimApiClient(scene.services(account(scene.tenant, "view-clients", "manage-clients", "view-users")))

    await client.plan(scene.call, scene.wanted, None)
    with pytest.raises(MissingRightError, match=r"lacks the role manage-users.*this account may not assign it"):
        await client.create(scene.call, scene.wanted)

    [warning] = scene.warnings
    assert "`pulumi up` would fail" in warning
    assert "this account may not assign it" in warning
    assert MAPPER_NAME not in {mapper["name"] for mapper in scene.tenant.scim_client().get("protocolMappers") or []}


async def test_without_known_roles_keycloak_decides_and_the_state_keeps_what_was_added(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A token that names no roles refuses nothing. The refusal comes from Keycloak, and the state keeps what exists."""
    services = scene.services(account(scene.tenant, "view-clients", "manage-clients", "view-users"))
    client = ScimApiClient(services)
    monkeypatch.setattr(Session, "granted_roles", lambda _session, _realm: None)

    await client.plan(scene.call, scene.wanted, None)
    assert scene.warnings == []
    with pytest.raises(PartialFailureError, match=r"lacks the role manage-users.*Service accounts roles") as failed:
        await client.create(scene.call, scene.wanted)

    state = failed.value.state
    assert isinstance(state, ScimApiClientState)
    assert state.made == ["audience", "lifespan"]
    assert await client.diff(scene.call, failed.value.id, state, scene.wanted) == [Change("managesUsers")]


async def test_a_client_without_a_service_account_fails_the_preview(scene: Scene) -> None:
    """A preview refuses a missing client and one without a service account, and writes nothing."""
    client = ScimApiClient(scene.able())

    with pytest.raises(ProviderError, match="has no service account; turn on Client authentication"):
        await client.plan(scene.call, dataclasses.replace(scene.wanted, client_id="account-console"), None)
    with pytest.raises(ProviderError, match='no client "nobody"'):
        await client.plan(scene.call, dataclasses.replace(scene.wanted, client_id="nobody"), None)
    assert MAPPER_NAME not in str(scene.tenant.scim_client())


async def test_user_attributes_are_annotated_and_put_back(scene: Scene) -> None:
    """A deletion restores other annotations, removes added attributes, and keeps the rest of the profile."""
    admin = scene.tenant.keycloak_admin
    profile = admin.get("/users/profile").json()
    theirs = {"name": "unit", "permissions": {"view": ["admin"], "edit": ["admin"]}, "multivalued": False}
    theirs["annotations"] = {"kc.scim.schema.attribute": "title", "inputType": "text"}
    profile["attributes"].append(theirs)
    admin.put("/users/profile", json=profile).raise_for_status()
    before = admin.get("/users/profile").json()
    kind = ScimAttributes(scene.able())
    wanted = ScimAttributesInputs(realm=scene.tenant.realm, attributes={"unit": "displayName", "tag": "externalId"})

    made = await kind.create(scene.call, wanted)
    assert made.state.created == ["tag"]
    assert made.state.prior == {"unit": "title"}
    assert await kind.diff(scene.call, made.id, made.state, wanted) == []
    found = await kind.read(scene.call, made.id, made.state)
    assert isinstance(found, Found)
    assert found.state == made.state

    admin.put("/users/profile", json=before).raise_for_status()
    found = await kind.read(scene.call, made.id, made.state)
    assert isinstance(found, Found)
    assert await kind.diff(scene.call, made.id, found.state, wanted) == [
        Change("attributes.unit"),
        Change("attributes.tag", ChangeKind.ADD),
    ]
    again = await kind.update(scene.call, made.id, made.state, wanted)
    await kind.delete(scene.call, made.id, again)
    assert admin.get("/users/profile").json() == before


async def test_a_user_profile_that_may_not_be_changed_names_the_role(scene: Scene) -> None:
    """An update without the role names it, a preview needs only to read, and core attributes are refused earlier."""
    kind = ScimAttributes(scene.services(account(scene.tenant, "view-realm")))
    wanted = ScimAttributesInputs(realm=scene.tenant.realm, attributes={"tag": "externalId", "email": "x"})

    _, failures = await kind.check(scene.call, wanted, None)
    assert [failure.path for failure in failures] == ["attributes.email"]
    await kind.plan(scene.call, wanted, None)
    with pytest.raises(MissingRightError, match="lacks manage-realm of client realm-management"):
        await kind.create(scene.call, dataclasses.replace(wanted, attributes={"tag": "externalId"}))
