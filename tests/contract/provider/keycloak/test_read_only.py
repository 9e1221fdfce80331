"""Previews with an account that may only read KZero: they write nothing, and name the role that `up` needs."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from kzero_sandbox.running import Tenant

from kzero_scim.clients.keycloak.session import Session
from kzero_scim.errors import KeycloakError, MissingRightError
from kzero_scim.provider.keycloak.provisioned_users.resource import ProvisionedUsers, ProvisionedUsersInputs
from kzero_scim.provider.keycloak.scim_api_client.resource import ScimApiClient, ScimApiClientInputs
from kzero_scim.provider.keycloak.scim_attributes.resource import ScimAttributes, ScimAttributesInputs
from kzero_scim.provider.keycloak.scim_endpoint.model import ScimEndpointInputs
from kzero_scim.provider.keycloak.scim_endpoint.resource import ScimEndpoint
from kzero_scim.provider.services import Services
from kzero_scim.resource.model import UNKNOWN, Call
from kzero_scim.settings.provider_config import Config
from tests.contract.kzero_access import account, requests_of
from tests.recording_log import RecordingLog

READ_ONLY = ("view-realm", "view-clients", "view-users", "query-clients", "query-users")
PRINCIPAL = "11111111-0000-4000-8000-000000000001"


@dataclasses.dataclass
class Reader:
    """A tenant, and the services of an account that may only read it."""

    tenant: Tenant
    services: Services
    told: RecordingLog = dataclasses.field(default_factory=RecordingLog)

    @property
    def call(self) -> Call:
        """A request of the engine."""
        return Call(urn="urn:test", name="test", log=self.told, preview=True)

    @property
    def warnings(self) -> list[str]:
        """The warnings so far."""
        return [text for level, text in self.told.lines if level == "warning"]

    @property
    def writes(self) -> list[str]:
        """The requests to Keycloak's admin API that are not reads."""
        return [line for line in requests_of(self.tenant) if "/admin/" in line and not line.startswith("GET ")]

    def cases(self) -> dict[str, tuple[Any, Any]]:
        """Return each resource that writes to KZero, with inputs that need a change."""
        realm = self.tenant.realm
        return {
            "manage-realm of the endpoint": (
                ScimEndpoint(self.services),
                ScimEndpointInputs(
                    realm=realm, profile="Azure", azure_tenant_id=PRINCIPAL, activation="attributes", preset="sandbox"
                ),
            ),
            "manage-realm of the user profile": (
                ScimAttributes(self.services),
                ScimAttributesInputs(realm=realm, attributes={"tag": "urn:example:User:tag"}),
            ),
            "manage-clients": (
                ScimApiClient(self.services),
                ScimApiClientInputs(
                    realm=realm, client_id="scim-endpoint", audience=self.tenant.scim_url, manages_users=False
                ),
            ),
            "manage-users": (
                ProvisionedUsers(self.services),
                ProvisionedUsersInputs(realm=realm, service_principal_id=PRINCIPAL, on_destroy="disable"),
            ),
        }


@pytest_asyncio.fixture
async def reader(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Reader]:
    """Return an account with the roles of a preview, and close its connections afterwards."""
    for name in ("SSL_CERT_FILE", "NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, tenant.env[name])
    credentials = account(tenant, *READ_ONLY)
    config = Config(
        server_url=tenant.env["KZERO_SERVER_URL"],
        realm=tenant.realm,
        kzero_client_id=credentials.client_id,
        kzero_client_secret=credentials.client_secret,
    )
    tenant.kzero.delete("/sandbox/requests").raise_for_status()
    made = Reader(tenant, Services(config))
    yield made
    await made.services.aclose()


async def test_a_preview_names_the_role_that_an_update_needs_and_writes_nothing(reader: Reader) -> None:
    """Each resource warns of exactly its own role, and the update fails without a write."""
    for role, (resource, inputs) in reader.cases().items():
        reader.told.lines.clear()
        await resource.plan(reader.call, inputs, None)

        [warning] = reader.warnings
        assert f"needs the role {role.split()[0]} of client realm-management" in warning
        assert "assign it to the account that signs in for `pulumi up`" in warning
        assert reader.writes == []
        with pytest.raises((MissingRightError, KeycloakError), match=f"lacks (the role )?{role.split()[0]}"):
            await resource.create(reader.call, inputs)
    assert reader.tenant.scim_client().get("protocolMappers") in (None, [])


async def test_what_is_as_wanted_needs_no_role(reader: Reader) -> None:
    """A preview whose update would write nothing to KZero does not warn."""
    resource, inputs = reader.cases()["manage-realm of the endpoint"]
    names = {"enabled": "true", "profile": "Azure", "azureTenantId": PRINCIPAL}
    reader.tenant.set_realm_attributes(**{f"kzero__scim__{name}": value for name, value in names.items()})

    await resource.plan(reader.call, inputs, None)
    await ProvisionedUsers(reader.services).plan(
        reader.call, ProvisionedUsersInputs(realm=reader.tenant.realm, service_principal_id=UNKNOWN), None
    )

    assert reader.warnings == []


async def test_a_token_that_names_no_roles_refuses_nothing(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a lightweight access token the roles are unknown: no warning and no refusal of our own."""
    monkeypatch.setattr(Session, "granted_roles", lambda _session, _realm: None)
    resource, inputs = reader.cases()["manage-users"]

    await resource.plan(reader.call, inputs, None)
    await resource.create(reader.call, inputs)

    assert reader.warnings == []


async def test_a_missing_role_to_read_stays_an_error(tenant: Tenant, reader: Reader) -> None:
    """A preview fails without the role to read what it compares."""
    credentials = account(tenant, "query-users")
    blind = Services(
        dataclasses.replace(
            reader.services.config, kzero_client_id=credentials.client_id, kzero_client_secret=credentials.client_secret
        )
    )
    reader.services, services = blind, reader.services
    try:
        resource, inputs = reader.cases()["manage-realm of the endpoint"]
        with pytest.raises(KeycloakError, match="view-realm"):
            await resource.plan(reader.call, inputs, None)
        resource, inputs = reader.cases()["manage-users"]
        with pytest.raises(MissingRightError, match="lacks view-clients"):
            await resource.plan(reader.call, inputs, None)
    finally:
        reader.services = services
        await blind.aclose()
