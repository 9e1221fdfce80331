"""Accounts of a test's tenant with exactly the roles of a test, and the product's clients signed in with them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from kzero_sandbox.running import Tenant

from kzero_scim.clients.keycloak.client import KeycloakClient
from kzero_scim.clients.keycloak.session import Credentials
from kzero_scim.clients.retries import ONCE
from kzero_scim.clients.scim import ScimClient
from kzero_scim.resource.model import Call
from kzero_scim.settings.provider_config import Config
from tests.realm_roles import grant, service_account
from tests.recording_log import RecordingLog


@dataclass(frozen=True)
class KZero:
    """The services that a resource of the KZero side needs."""

    keycloak: KeycloakClient
    scim: ScimClient
    config: Config
    told: RecordingLog = field(default_factory=RecordingLog)

    @property
    def call(self) -> Call:
        """A request of the engine."""
        return Call(urn="urn:test", name="test", log=self.told)


def server_of(tenant: Tenant) -> str:
    """Return the origin of a tenant's server."""
    return tenant.env["KZERO_SERVER_URL"]


def automation(tenant: Tenant) -> Credentials:
    """Return the account of a tenant's automation."""
    made = tenant.credentials
    return Credentials(realm=tenant.realm, client_id=made.client_id, client_secret=made.client_secret)


def account(tenant: Tenant, *roles: str) -> Credentials:
    """Create a service account with only these roles of realm-management."""
    admin, name = tenant.keycloak_admin, "only-" + ("-".join(roles) or "nothing")
    body = {"clientId": name, "secret": f"secret-of-{name}", "publicClient": False, "serviceAccountsEnabled": True}
    admin.post("/clients", json=body).raise_for_status()
    grant(tenant, service_account(tenant, name), *roles)
    return Credentials(realm=tenant.realm, client_id=name, client_secret=f"secret-of-{name}")


@asynccontextmanager
async def signed_in(tenant: Tenant, credentials: Credentials | None = None) -> AsyncIterator[KZero]:
    """Return the product's clients, signed in with an account (by default the automation's)."""
    keycloak = KeycloakClient(server_of(tenant), credentials or automation(tenant), policy=ONCE)
    scim = ScimClient()
    try:
        yield KZero(keycloak, scim, Config(tenant_id=tenant.env["ARM_TENANT_ID"]))
    finally:
        await keycloak.aclose()
        await scim.aclose()


def requests_of(tenant: Tenant) -> list[str]:
    """Return the requests that the server got for this realm, such as ``GET /admin/realms/<realm>/clients``."""
    log = tenant.kzero.get("/sandbox/requests").raise_for_status().json()
    return [f"{entry['method']} {entry['path']}" for entry in log if tenant.realm in entry["path"]]
