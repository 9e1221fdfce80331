"""Clients of a running sandbox, and tenants for tests and benchmarks. Must not know the servers' code."""

import secrets
import ssl
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from kzero_sandbox.addresses import Ports, Urls
from kzero_sandbox.kzero.tenants import TenantCredentials
from kzero_sandbox.kzero.tokens import token_digest
from kzero_sandbox.layout import Layout, entra_environment, tenant_environment
from kzero_sandbox.organisation import Organisation
from kzero_sandbox.processes import SandboxError, SandboxProcess

_TIMEOUT_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True)
class Tenant:
    """One KZero tenant paired with one Entra tenant."""

    credentials: TenantCredentials
    """The realm's name, and the secrets of its clients and of its administrator."""
    scim_url: str
    """The Tenant URL to enter in Entra."""
    env: dict[str, str] = field(repr=False)
    """The environment of a program that manages this tenant; includes all variables of `.sandbox/env`."""
    keycloak_admin: httpx.Client
    """Signed in as the realm's administrator; paths are relative to `/admin/realms/<realm>`, for example `"/users"`."""
    entra: httpx.Client
    """The Entra emulator; its control API is below `/sandbox/`."""
    kzero: httpx.Client
    """The front, not signed in; for example for SCIM requests and `/sandbox/requests`."""

    @property
    def realm(self) -> str:
        """The tenant's name in KZero."""
        return self.credentials.realm

    def user(self, username: str) -> dict[str, Any] | None:
        """Return the Keycloak user with this name, or None. Keycloak converts names to lower case."""
        found = self.keycloak_admin.get("/users", params={"username": username, "exact": "true"})
        users: list[dict[str, Any]] = found.raise_for_status().json()
        return users[0] if users else None

    def set_realm_attributes(self, **attributes: str) -> None:
        """Set realm attributes; write `__` for a dot in a name: `kzero__scim__enabled="true"`."""
        realm = self.keycloak_admin.get("").raise_for_status().json()
        wanted = {name.replace("__", "."): value for name, value in attributes.items()}
        changed = {**realm, "attributes": (realm.get("attributes") or {}) | wanted}
        self.keycloak_admin.put("", json=changed).raise_for_status()

    def accept_tokens(self, *tokens: str) -> None:
        """Make the SCIM endpoint accept exactly these fixed tokens in addition to those of its profile."""
        self.set_realm_attributes(kzero__scim__secretTokens=" ".join(map(token_digest, tokens)))

    def scim_client(self) -> dict[str, Any]:
        """Return the client `scim-endpoint` with its `id` and `protocolMappers`."""
        found = self.keycloak_admin.get("/clients", params={"clientId": self.credentials.scim_client_id})
        clients: list[dict[str, Any]] = found.raise_for_status().json()
        return clients[0]

    def realm_token(self, client_id: str, client_secret: str) -> str:
        """Return an access token that the realm issues to one of its service accounts."""
        answer = self.kzero.post(
            f"/realms/{self.realm}/protocol/openid-connect/token",
            data={"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret},
        )
        token: str = answer.raise_for_status().json()["access_token"]
        return token


@dataclass(frozen=True, kw_only=True)
class RunningSandbox:
    """The process, addresses and organisation of a sandbox that is ready."""

    process: SandboxProcess
    urls: Urls
    organisation: Organisation = field(default_factory=Organisation)

    @property
    def layout(self) -> Layout:
        """The sandbox's files."""
        return Layout(self.process.directory)

    @property
    def trust(self) -> ssl.SSLContext:
        """An SSL context that trusts the sandbox's certificates."""
        return self.process.trust()

    @contextmanager
    def kzero(self) -> Iterator[httpx.Client]:
        """Yield a client of the KZero front."""
        with self._client(self.urls.kzero) as client:
            yield client

    @contextmanager
    def entra(self) -> Iterator[httpx.Client]:
        """Yield a client of the Entra emulator."""
        with self._client(self.urls.entra) as client:
            yield client

    @contextmanager
    def tenant(self, name: str | None = None, *, keeps_unmanaged: bool = True) -> Iterator[Tenant]:
        """Reset the Entra tenant and yield a new KZero tenant, whose realm is removed afterwards.

        Args:
            name: The realm's name; by default a new name in mixed case.
            keeps_unmanaged: Whether the realm keeps user attributes that its user profile does not declare.
        """
        realm = name or f"Tenant-{secrets.token_hex(4)}"
        with self.kzero() as kzero, self.entra() as entra:
            entra.post("/sandbox/reset").raise_for_status()
            asked = {"name": realm, "keepsUnmanaged": keeps_unmanaged}
            made = kzero.post("/sandbox/tenants", json=asked).raise_for_status().json()
            credentials = TenantCredentials(**made)
            try:
                with self.administration(credentials) as admin:
                    yield self._tenant(credentials, admin, entra, kzero)
            finally:
                kzero.delete(f"/sandbox/tenants/{realm}").raise_for_status()

    @contextmanager
    def own_tenant(self) -> Iterator[Tenant]:
        """Yield the tenant that the sandbox was created with, unchanged; nothing is reset or removed."""
        credentials = self.layout.secrets(self.organisation).tenant
        with self.kzero() as kzero, self.entra() as entra, self.administration(credentials) as admin:
            yield self._tenant(credentials, admin, entra, kzero)

    def administration(self, credentials: TenantCredentials) -> httpx.Client:
        """Return a client of a realm's admin API, signed in as its administrator; paths are relative to the realm."""
        admin = self._client(f"{self.urls.kzero}/admin/realms/{credentials.realm}")
        admin.auth = _Administrator(self.urls.kzero, credentials)
        return admin

    def _tenant(
        self, credentials: TenantCredentials, admin: httpx.Client, entra: httpx.Client, kzero: httpx.Client
    ) -> Tenant:
        return Tenant(
            credentials=credentials,
            scim_url=f"{self.urls.kzero}/realms/{credentials.realm}/scim/v2",
            env=self.process.environment()
            | entra_environment(self.urls.entra, self.organisation)
            | tenant_environment(self.urls.kzero, credentials),
            keycloak_admin=admin,
            entra=entra,
            kzero=kzero,
        )

    def _client(self, url: str) -> httpx.Client:
        return httpx.Client(base_url=url, verify=self.trust, trust_env=False, timeout=_TIMEOUT_SECONDS)


@contextmanager
def own_sandbox(directory: Path) -> Iterator[RunningSandbox]:
    """Run a sandbox on free ports until the block or this process ends.

    Entra starts no provisioning cycle: Microsoft runs cycles on its own servers, and here the test decides when.

    Args:
        directory: Where the sandbox keeps its files.

    Yields:
        The running sandbox.

    Raises:
        SandboxError: The sandbox did not start.
    """
    process = SandboxProcess(directory)
    status = process.up(Ports(kzero=0, entra=0, keycloak=0), tied=True, auto_cycle=False)
    try:
        if status.urls is None:
            message = f"the sandbox reported no addresses: {status.message}"
            raise SandboxError(message)
        yield RunningSandbox(process=process, urls=status.urls)
    finally:
        process.down()


class _Administrator(httpx.Auth):
    """Signs in as the realm's administrator when a token is missing or no longer accepted."""

    requires_response_body = True

    def __init__(self, kzero_url: str, credentials: TenantCredentials) -> None:
        self._token_url = f"{kzero_url}/realms/{credentials.realm}/protocol/openid-connect/token"
        self._form = {
            "grant_type": "password",
            "client_id": "admin-cli",
            "username": credentials.admin_username,
            "password": credentials.admin_password,
        }
        self._token: str | None = None

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token}"
            answer = yield request
            if answer.status_code != httpx.codes.UNAUTHORIZED:
                return
        signed_in = yield httpx.Request("POST", self._token_url, data=self._form)
        self._token = signed_in.json()["access_token"]
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request
