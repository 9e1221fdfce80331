"""The SCIM endpoint's settings as attributes of a realm or client. Pure: sends no request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from kzero_scim.resource.formats import fold_id, same_id

SETTINGS: Final = ("enabled", "profile", "azureTenantId")
"""What can be kept in an attribute."""

Preset = Literal["sandbox", "keycloak"]

PRESETS: Final[Mapping[Preset, Mapping[str, str]]] = {
    "sandbox": {
        "enabled": "kzero.scim.enabled",
        "profile": "kzero.scim.profile",
        "azureTenantId": "kzero.scim.azureTenantId",
    },
    # Keycloak's own SCIM API (26.6 and later, feature scim-api) accepts only tokens of the realm.
    "keycloak": {"enabled": "scimApiEnabled"},
}
"""Attribute name by setting, for each preset."""


@dataclass(frozen=True)
class Settings:
    """The endpoint's settings; None where the attributes do not show them.

    Attributes:
        enabled: It is on.
        profile: ``Azure``, ``Generic`` or any other value found.
        azure_tenant_id: The Entra tenant that may provision.
    """

    enabled: bool
    profile: str | None
    azure_tenant_id: str | None


def attribute_names(preset: Preset | None, names: Mapping[str, str] | None) -> dict[str, str]:
    """Return the attribute name of each setting: the preset's, overridden and extended by ``names``."""
    return {**(PRESETS[preset] if preset else {}), **(names or {})}


def wanted_attributes(names: Mapping[str, str], settings: Settings) -> dict[str, str | None]:
    """Return the value of each attribute; None for one that must not exist."""
    values: dict[str, str | None] = {
        "enabled": "true" if settings.enabled else "false",
        "profile": settings.profile,
        "azureTenantId": settings.azure_tenant_id if settings.profile == "Azure" else None,
    }
    return {attribute: values[setting] for setting, attribute in names.items()}


def switched_off(names: Mapping[str, str]) -> dict[str, str | None]:
    """Return the attributes of an endpoint that is off, without leftovers."""
    return {attribute: "false" if setting == "enabled" else None for setting, attribute in names.items()}


def owned_attributes(names: Mapping[str, str], attributes: Mapping[str, str]) -> dict[str, str]:
    """Return those of all attributes that belong to the settings. An empty one counts as absent."""
    return {name: attributes[name] for name in names.values() if attributes.get(name)}


def understand(names: Mapping[str, str], attributes: Mapping[str, str]) -> Settings:
    """Return the settings that the attributes contain."""
    found = {setting: attributes[name] for setting, name in names.items() if attributes.get(name)}
    return Settings(
        enabled=found.get("enabled") == "true",
        profile=found.get("profile"),
        azure_tenant_id=fold_id(found.get("azureTenantId")),
    )


def differing_inputs(names: Mapping[str, str], attributes: Mapping[str, str], settings: Settings) -> list[str]:
    """Return the input properties, named like the settings, whose attributes differ from the wanted settings."""
    wanted = wanted_attributes(names, settings)
    return [setting for setting, name in names.items() if not _is_same(setting, attributes.get(name), wanted[name])]


def _is_same(setting: str, one: str | None, other: str | None) -> bool:
    return one == other or (setting == "azureTenantId" and same_id(one, other))


def recognised_preset(attributes: Mapping[str, str]) -> Preset | None:
    """Return the preset that a realm's attributes fit, or None.

    Keycloak writes ``scimApiEnabled`` as false into realms that never used it, so false does not count.
    """
    if PRESETS["sandbox"]["enabled"] in attributes:
        return "sandbox"
    return "keycloak" if attributes.get(PRESETS["keycloak"]["enabled"]) == "true" else None
