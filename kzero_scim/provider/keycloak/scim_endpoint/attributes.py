"""Reads and writes the endpoint's settings as attributes of the realm or the client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from kzero_scim.errors import ProviderError
from kzero_scim.guide import values
from kzero_scim.keycloak.endpoint_settings import Settings, attribute_names, owned_attributes, wanted_attributes
from kzero_scim.provider.keycloak.missing_client import explain_missing_client

if TYPE_CHECKING:
    from kzero_scim.clients.keycloak.client import KeycloakClient
    from kzero_scim.provider.keycloak.scim_endpoint.model import ScimEndpointInputs, ScimEndpointState
    from kzero_scim.resource.model import Call


class EndpointAttributes:
    """The settings of SCIM endpoints, as attributes.

    Args:
        keycloak: Reads and writes the attributes.
    """

    def __init__(self, keycloak: KeycloakClient) -> None:
        """Store the client."""
        self._keycloak = keycloak

    async def preview(self, call: Call, new: ScimEndpointInputs) -> None:
        """Check in a preview whether the attributes can be read. Logs a warning if the client does not exist."""
        if new.attribute_holder == "client":
            if await self._keycloak.client(new.realm, values.CLIENT_ID) is None:
                note = explain_missing_client(self._keycloak, new.realm, values.CLIENT_ID)
                await call.log.warning(note)
        else:
            await self._keycloak.realm_attributes(new.realm)

    async def read(self, inputs: ScimEndpointInputs) -> dict[str, str]:
        """Return the settings' attributes that exist; none if the client does not exist."""
        keycloak = self._keycloak
        if inputs.attribute_holder == "client":
            found = await keycloak.client_attributes(inputs.realm, values.CLIENT_ID)
        else:
            found = await keycloak.realm_attributes(inputs.realm)
        return owned_attributes(names_of(inputs), found or {})

    async def write_settings(self, new: ScimEndpointInputs, old: ScimEndpointState | None) -> None:
        """Write the attributes, and remove those of an old preset, name or holder."""
        wanted = wanted_attributes(names_of(new), settings_of(new))
        if old is not None and old.activation == "attributes":
            left = dict.fromkeys(names_of(old).values())
            if (old.attribute_holder or "realm") == (new.attribute_holder or "realm"):
                wanted = {**left, **wanted}
            else:
                await self.write(old, left)
        await self.write(new, wanted)

    async def write(self, inputs: ScimEndpointInputs, changes: Mapping[str, str | None]) -> None:
        """Set attributes of the holder. A value of None removes an attribute.

        Raises:
            ProviderError: The client that should have the attributes does not exist.
        """
        keycloak = self._keycloak
        if inputs.attribute_holder != "client":
            await keycloak.set_realm_attributes(inputs.realm, changes)
            return
        client = await keycloak.client(inputs.realm, values.CLIENT_ID)
        if client is not None:
            await keycloak.set_client_attributes(inputs.realm, client["id"], changes)
        elif any(value not in {None, "false"} for value in changes.values()):
            raise ProviderError(explain_missing_client(keycloak, inputs.realm, values.CLIENT_ID))


def names_of(inputs: ScimEndpointInputs) -> dict[str, str]:
    """Return the attribute name of each setting that the inputs store in an attribute."""
    return attribute_names(inputs.preset, inputs.attribute_names)


def settings_of(inputs: ScimEndpointInputs) -> Settings:
    """Return the settings that the inputs want."""
    return Settings(inputs.enabled, inputs.profile, inputs.azure_tenant_id)
