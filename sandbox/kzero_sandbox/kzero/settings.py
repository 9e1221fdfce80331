"""Read the settings of a tenant's SCIM endpoint from Keycloak, for every request.

Realm attributes hold the settings; they are the sandbox's substitute for KZero's page Integrations > SCIM.
Must not know HTTP or change the settings.
"""

import asyncio
from dataclasses import dataclass

from kzero_sandbox.kzero.admin import KeycloakAdmin, KeycloakRefusedError, realm_path
from kzero_sandbox.kzero.mappers import AttributeMapping, usable
from kzero_sandbox.kzero.tenants import SCIM_CLIENT

ENABLED = "kzero.scim.enabled"
PROFILE = "kzero.scim.profile"
AZURE_TENANT_ID = "kzero.scim.azureTenantId"
SECRET_TOKENS = "kzero.scim.secretTokens"
"""SHA-256 digests, separated by spaces, of the fixed tokens that are accepted in addition to those of the profile."""
_NOT_FOUND = 404


@dataclass(frozen=True, kw_only=True)
class EndpointSettings:
    """One tenant's endpoint: the three values of KZero's page, fixed tokens, and the mappers of `scim-endpoint`."""

    realm: str
    enabled: bool
    profile: str
    azure_tenant_id: str
    secret_tokens: frozenset[str]
    mappings: tuple[AttributeMapping, ...]


async def read_settings(admin: KeycloakAdmin, realm: str) -> EndpointSettings | None:
    """Return a tenant's settings, or None if no realm has exactly this name."""
    try:
        representation, clients = await asyncio.gather(
            admin.get(realm_path(realm)), admin.get(realm_path(realm, "clients"), clientId=SCIM_CLIENT)
        )
    except KeycloakRefusedError as error:
        if error.status == _NOT_FOUND:
            return None
        raise
    attributes = representation.get("attributes") or {}
    mappers = clients[0].get("protocolMappers") or [] if clients else []
    return EndpointSettings(
        realm=realm,
        enabled=attributes.get(ENABLED) == "true",
        profile=attributes.get(PROFILE, ""),
        azure_tenant_id=attributes.get(AZURE_TENANT_ID, ""),
        secret_tokens=frozenset(attributes.get(SECRET_TOKENS, "").split()),
        mappings=tuple(usable(mappers)),
    )
