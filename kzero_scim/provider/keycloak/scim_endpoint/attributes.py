"""Reads and writes the endpoint's settings as attributes of the realm or the client."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, assert_never

from kzero_scim.errors import KeycloakError
from kzero_scim.guide import values
from kzero_scim.keycloak.endpoint_settings import (
    Settings,
    attribute_names,
    owned_attributes,
    understand,
    wanted_attributes,
)
from kzero_scim.provider.keycloak.missing_client import missing_client, required_client
from kzero_scim.provider.keycloak.owner import require_ours, stack_of
from kzero_scim.provider.keycloak.role_check import may_only_read, needed_roles, require_roles, warn_of_roles
from kzero_scim.resource.reading import Absent, Present, Unknown

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

    async def require_ours(self, call: Call, inputs: ScimEndpointInputs, *, is_deletion: bool = False) -> None:
        """Refuse to write settings of a tenant whose client another stack manages. A hidden client is not refused.

        Raises:
            ProviderError: Another stack manages it. The message says how to take over.
        """
        if stack_of(call.urn) is None:
            return
        with contextlib.suppress(KeycloakError):
            answer = await self._keycloak.client(inputs.realm, values.CLIENT_ID)
            if isinstance(answer, Present):
                require_ours(call.urn, inputs.realm, answer.value, is_deletion=is_deletion)

    async def preview(self, call: Call, new: ScimEndpointInputs, old: ScimEndpointState | None) -> None:
        """Check in a preview whether the attributes can be read and belong to no other stack.

        Logs a warning if the client does not exist, or if the account may not change the attributes.

        Raises:
            ProviderError: Another stack manages the tenant.
        """
        keycloak, purpose = self._keycloak, "write the settings of the SCIM endpoint"
        await self.require_ours(call, new)
        await keycloak.check_server(new.realm)
        if new.attribute_holder != "client":
            present = await keycloak.realm_attributes(new.realm)
            if _differ(present, new, old):
                await warn_of_roles(call, keycloak, new.realm, purpose, "manage-realm")
            await _announce_first(call, present, new, old)
            return
        match await keycloak.client(new.realm, values.CLIENT_ID):
            case Absent():
                await call.log.warning(missing_client(new.realm, values.CLIENT_ID))
            case Unknown(reason):
                await call.log.warning(reason)
            case Present(client):
                present = client.get("attributes") or {}
                if may_only_read(client) and _differ(present, new, old):
                    await call.log.warning(needed_roles(keycloak, new.realm, purpose, ["manage-clients"]))
                await _announce_first(call, present, new, old)

    async def read(self, inputs: ScimEndpointInputs) -> dict[str, str]:
        """Return the settings' attributes that exist; none if the client does not exist.

        Raises:
            ServiceError: It is unknown whether the client exists, or a request failed.
        """
        names = names_of(inputs)
        if inputs.attribute_holder != "client":
            return owned_attributes(names, await self._keycloak.realm_attributes(inputs.realm))
        match await self._keycloak.client(inputs.realm, values.CLIENT_ID):
            case Present(client):
                return owned_attributes(names, client.get("attributes") or {})
            case Absent():
                return {}
            case Unknown() as unknown:
                raise unknown.failure()
            case never:
                assert_never(never)

    async def write_settings(self, new: ScimEndpointInputs, old: ScimEndpointState | None) -> None:
        """Write the attributes, and remove those of an old preset, name or holder.

        Raises:
            MissingRightError: The account may not write them. Nothing was sent.
        """
        if new.attribute_holder != "client":
            purpose = "the settings of the SCIM endpoint need"
            await require_roles(self._keycloak, new.realm, purpose, "manage-realm")
        if old is not None and old.activation == "attributes" and not _has_same_holder(new, old):
            await self.write(old, dict.fromkeys(names_of(old).values()))
        await self.write(new, _changes(new, old))

    async def write(self, inputs: ScimEndpointInputs, changes: Mapping[str, str | None]) -> None:
        """Set attributes of the holder. A value of None removes an attribute.

        Raises:
            ProviderError: The client that should have the attributes does not exist, or it is unknown whether it does.
        """
        keycloak = self._keycloak
        if inputs.attribute_holder != "client":
            await keycloak.set_realm_attributes(inputs.realm, changes)
            return
        answer = await keycloak.client(inputs.realm, values.CLIENT_ID)
        if isinstance(answer, Absent) and all(value in {None, "false"} for value in changes.values()):
            return  # nothing to switch off
        client = required_client(answer, inputs.realm, values.CLIENT_ID)
        await keycloak.set_client_attributes(inputs.realm, client["id"], changes)


def _changes(new: ScimEndpointInputs, old: ScimEndpointState | None) -> dict[str, str | None]:
    """Return the attributes to set on the holder, with None for those to remove."""
    left: dict[str, str | None] = {}
    if old is not None and old.activation == "attributes" and _has_same_holder(new, old):
        left = dict.fromkeys(names_of(old).values())
    return {**left, **wanted_attributes(names_of(new), settings_of(new))}


def _has_same_holder(new: ScimEndpointInputs, old: ScimEndpointState) -> bool:
    return (old.attribute_holder or "realm") == (new.attribute_holder or "realm")


def _differ(held: Mapping[str, str], new: ScimEndpointInputs, old: ScimEndpointState | None) -> bool:
    """Return whether the holder's attributes are not as wanted."""
    return any((held.get(name) or None) != value for name, value in _changes(new, old).items())


async def _announce_first(
    call: Call, present: Mapping[str, str], new: ScimEndpointInputs, old: ScimEndpointState | None
) -> None:
    """Log in the first preview that the endpoint is on already, and what a destroy would do."""
    names = names_of(new)
    if old is not None or not understand(names, present).enabled:
        return
    listed = ", ".join(sorted(owned_attributes(names, present)))
    note = (
        f'the SCIM endpoint of realm "{new.realm}" is on already: would adopt its attributes {listed}; `pulumi '
        "destroy` would switch it off"
    )
    await call.log.info(note)


def names_of(inputs: ScimEndpointInputs) -> dict[str, str]:
    """Return the attribute name of each setting that the inputs store in an attribute."""
    return attribute_names(inputs.preset, inputs.attribute_names)


def settings_of(inputs: ScimEndpointInputs) -> Settings:
    """Return the settings that the inputs want."""
    return Settings(inputs.enabled, inputs.profile, inputs.azure_tenant_id)
