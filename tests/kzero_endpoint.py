"""A KZero tenant that is set up as in the guide, and a client of its SCIM endpoint that acts like Entra."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
from kzero_sandbox.manual_setup import MAPPERS
from kzero_sandbox.running import RunningSandbox, Tenant

EXTENSION = "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User"
ENTERPRISE = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
PATCH_OP = "urn:ietf:params:scim:api:messages:2.0:PatchOp"


@dataclass(frozen=True, kw_only=True)
class KZeroEndpoint:
    """A tenant with the profile Azure, an enabled endpoint and the guide's mappers, and Entra's client of it."""

    tenant: Tenant
    scim: httpx.Client

    def create(self, **changes: Any) -> str:  # noqa: ANN401 - any JSON
        """Create Entra's user and return its id."""
        answer = self.scim.post("/Users", json=entra_user() | changes)
        assert answer.status_code == 201, answer.text
        created: str = answer.json()["id"]
        return created

    def patch(self, user: str, *operations: dict[str, Any]) -> httpx.Response:
        """Send a PATCH."""
        return self.scim.patch(f"/Users/{user}", json={"schemas": [PATCH_OP], "Operations": list(operations)})

    def found(self, condition: str) -> list[str]:
        """Return the user names that a filter finds."""
        answer = self.scim.get("/Users", params={"filter": condition})
        assert answer.status_code == 200, answer.text
        return [user["userName"] for user in answer.json()["Resources"]]

    def kept(self, username: str = "alex@contoso.example") -> dict[str, Any]:
        """Return the Keycloak user."""
        user = self.tenant.user(username)
        assert user is not None
        return user

    def mapper_path(self, name: str) -> str:
        """Return the admin path of a mapper."""
        client = self.tenant.scim_client()
        mapper = next(mapper for mapper in client["protocolMappers"] if mapper["name"] == name)
        return f"/clients/{client['id']}/protocol-mappers/models/{mapper['id']}"

    def change_mapper(self, name: str, **config: str) -> None:
        """Change a mapper's configuration. `__` in a key means a dot."""
        path = self.mapper_path(name)
        mapper = self.tenant.keycloak_admin.get(path).json()
        mapper["config"] |= {key.replace("__", "."): value for key, value in config.items()}
        self.tenant.keycloak_admin.put(path, json=mapper).raise_for_status()


def entra_user() -> dict[str, Any]:
    """Return a user as Entra sends it. The schemas do not list the custom extension's URN."""
    return {
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE],
        "externalId": "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef",
        "userName": "Alex@contoso.example",
        "active": True,
        "emails": [{"primary": True, "type": "work", "value": "alex@contoso.example"}],
        "meta": {"resourceType": "User"},
        "name": {"formatted": "Alex Lindqvist", "familyName": "Lindqvist", "givenName": "Alex"},
        "title": "Technician",
        EXTENSION: {"tag": "field"},
        ENTERPRISE: {"manager": "robin", "department": "Operations"},
    }


def mappers() -> list[dict[str, Any]]:
    """Return the guide's seven mappers in Keycloak's representation."""
    options = ("id.token.claim", "access.token.claim", "userinfo.token.claim", "introspection.token.claim")
    return [
        {
            "name": name,
            "protocol": "openid-connect",
            "protocolMapper": "oidc-usermodel-attribute-mapper",
            "config": {"user.attribute": attribute, "claim.name": claim, "jsonType.label": json_type}
            | dict.fromkeys(options, "true"),
        }
        for name, (attribute, claim, json_type) in MAPPERS.items()
    ]


def provisioning_token(tenant: Tenant, **options: int) -> str:
    """Return a token that the Entra emulator issued."""
    answer = tenant.entra.post("/sandbox/provisioning-token", json=options)
    token: str = answer.raise_for_status().json()["access_token"]
    return token


@contextmanager
def open_endpoint(sandbox: RunningSandbox, tenant: Tenant) -> Iterator[KZeroEndpoint]:
    """Set up a new tenant as in the guide, and yield it with Entra's client."""
    client = tenant.scim_client()["id"]
    tenant.keycloak_admin.post(f"/clients/{client}/protocol-mappers/add-models", json=mappers()).raise_for_status()
    tenant.set_realm_attributes(
        kzero__scim__enabled="true",
        kzero__scim__profile="Azure",
        kzero__scim__azureTenantId=tenant.env["ARM_TENANT_ID"],
    )
    headers = {"Authorization": f"Bearer {provisioning_token(tenant)}", "Content-Type": "application/scim+json"}
    with httpx.Client(base_url=tenant.scim_url, headers=headers, verify=sandbox.trust, timeout=30) as scim:
        yield KZeroEndpoint(tenant=tenant, scim=scim)
