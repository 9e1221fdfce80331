"""The SCIM endpoint's settings as attributes of a realm or client: names, values, meaning. Asks no service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

SETTINGS: Final = ("enabled", "profile", "azureTenantId")
"""What can be kept in an attribute."""

Preset = Literal["sandbox", "keycloak"]

PRESETS: Final[Mapping[Preset, Mapping[str, str]]] = {
    "sandbox": {
        "enabled": "kzero.scim.enabled",
        "profile": "kzero.scim.profile",
        "azureTenantId": "kzero.scim.azureTenantId",
    },
    # Keycloak's own SCIM API (26.6 and later, feature scim-api); it accepts tokens of the realm only.
    "keycloak": {"enabled": "scimApiEnabled"},
}
"""Setting to attribute name, by preset."""


@dataclass(frozen=True)
class Settings:
    """What the endpoint is set to; None where the attributes do not tell.

    Attributes:
        enabled: It is on.
        profile: ``Azure`` or ``Generic``, or what else somebody wrote there.
        azure_tenant_id: The Entra tenant that may provision.
    """

    enabled: bool
    profile: str | None
    azure_tenant_id: str | None


def attribute_names(preset: Preset | None, names: Mapping[str, str] | None) -> dict[str, str]:
    """Give the attribute name of each setting: the preset's, overridden and extended by ``names``."""
    return {**(PRESETS[preset] if preset else {}), **(names or {})}


def wanted_attributes(names: Mapping[str, str], settings: Settings) -> dict[str, str | None]:
    """Return the value of each attribute; None for an attribute that must not exist."""
    values: dict[str, str | None] = {
        "enabled": "true" if settings.enabled else "false",
        "profile": settings.profile,
        "azureTenantId": settings.azure_tenant_id if settings.profile == "Azure" else None,
    }
    return {attribute: values[setting] for setting, attribute in names.items()}


def switched_off(names: Mapping[str, str]) -> dict[str, str | None]:
    """Give the attributes that leave an endpoint off and nothing else behind."""
    return {attribute: "false" if setting == "enabled" else None for setting, attribute in names.items()}


def owned_attributes(names: Mapping[str, str], attributes: Mapping[str, str]) -> dict[str, str]:
    """Select the settings' attributes that exist from all attributes; an empty one counts as absent."""
    return {name: attributes[name] for name in names.values() if attributes.get(name)}


def understand(names: Mapping[str, str], attributes: Mapping[str, str]) -> Settings:
    """Return the settings that attributes say."""
    found = {setting: attributes[name] for setting, name in names.items() if attributes.get(name)}
    return Settings(
        enabled=found.get("enabled") == "true",
        profile=found.get("profile"),
        azure_tenant_id=found.get("azureTenantId"),
    )


def differing_inputs(names: Mapping[str, str], attributes: Mapping[str, str], settings: Settings) -> list[str]:
    """List the input properties, which have the settings' names, whose attributes are not as wanted."""
    wanted = wanted_attributes(names, settings)
    return [setting for setting, name in names.items() if attributes.get(name) != wanted[name]]


def recognised_preset(attributes: Mapping[str, str]) -> Preset | None:
    """Guess from a realm's attributes which preset they were written by.

    Keycloak writes ``scimApiEnabled`` as false into realms that never used it; that tells nothing.
    """
    if PRESETS["sandbox"]["enabled"] in attributes:
        return "sandbox"
    return "keycloak" if attributes.get(PRESETS["keycloak"]["enabled"]) == "true" else None
