"""The SCIM endpoint's settings as attributes of a realm or client: names, values, meaning. Asks no service."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

SETTINGS: Final = ("enabled", "profile", "azureTenantId", "authenticationMode", "issuer", "audience", "jwksUri")
"""What can be kept in an attribute. The last four are how Metatavu's server says the same as the first three."""

Preset = Literal["sandbox", "keycloak", "metatavu"]

PRESETS: Final[Mapping[Preset, Mapping[str, str]]] = {
    "sandbox": {
        "enabled": "kzero.scim.enabled",
        "profile": "kzero.scim.profile",
        "azureTenantId": "kzero.scim.azureTenantId",
    },
    # Keycloak's own SCIM API (26.6 and later, feature scim-api); it accepts tokens of the realm only.
    "keycloak": {"enabled": "scimApiEnabled"},
    # github.com/Metatavu/keycloak-scim-server, RealmScimConfig.java; on as soon as there is a mode.
    "metatavu": {
        "authenticationMode": "scim.authentication.mode",
        "issuer": "scim.external.issuer",
        "audience": "scim.external.audience",
        "jwksUri": "scim.external.jwks.uri",
    },
}
"""Setting to attribute name, by preset."""

CUSTOM_APPLICATION_AUDIENCE: Final = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
"""The audience of every token that Entra issues itself for a non-gallery application."""
_ISSUER: Final = "https://sts.windows.net/{}/"
_KEYS: Final = "https://login.microsoftonline.com/{}/discovery/v2.0/keys"
_INPUTS: Final[Mapping[str, str]] = {
    "enabled": "enabled",
    "profile": "profile",
    "authenticationMode": "profile",
    "audience": "profile",
    "azureTenantId": "azureTenantId",
    "issuer": "azureTenantId",
    "jwksUri": "azureTenantId",
}
"""The input property that a setting comes from."""


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
    """Give the value of each attribute; None for an attribute that must not exist.

    Without a setting ``enabled`` of its own, an endpoint is off when none of its attributes exists.
    """
    if not settings.enabled and "enabled" not in names:
        return dict.fromkeys(names.values())
    tenant = settings.azure_tenant_id if settings.profile == "Azure" else None
    values: dict[str, str | None] = {
        "enabled": "true" if settings.enabled else "false",
        "profile": settings.profile,
        "azureTenantId": tenant,
        "authenticationMode": "EXTERNAL" if settings.profile == "Azure" else "KEYCLOAK",
        "issuer": _ISSUER.format(tenant) if tenant else None,
        "audience": CUSTOM_APPLICATION_AUDIENCE if tenant else None,
        "jwksUri": _KEYS.format(tenant) if tenant else None,
    }
    return {attribute: values[setting] for setting, attribute in names.items()}


def switched_off(names: Mapping[str, str]) -> dict[str, str | None]:
    """Give the attributes that leave an endpoint off and nothing else behind."""
    return {attribute: "false" if setting == "enabled" else None for setting, attribute in names.items()}


def owned_attributes(names: Mapping[str, str], attributes: Mapping[str, str]) -> dict[str, str]:
    """Select the settings' attributes that exist from all attributes; an empty one counts as absent."""
    return {name: attributes[name] for name in names.values() if attributes.get(name)}


def understand(names: Mapping[str, str], attributes: Mapping[str, str]) -> Settings:
    """Read what attributes say."""
    found = {setting: attributes[name] for setting, name in names.items() if attributes.get(name)}
    mode = {"EXTERNAL": "Azure", "KEYCLOAK": "Generic"}.get(found.get("authenticationMode", ""))
    issuer = re.fullmatch(r"https://sts\.windows\.net/([^/]+)/", found.get("issuer", ""))
    return Settings(
        enabled=found.get("enabled") == "true" if "enabled" in names else bool(found),
        profile=found.get("profile") or mode,
        azure_tenant_id=found.get("azureTenantId") or (issuer.group(1) if issuer else None),
    )


def differing_inputs(names: Mapping[str, str], attributes: Mapping[str, str], settings: Settings) -> list[str]:
    """List the input properties whose attributes are not as wanted."""
    if understand(names, attributes).enabled is not settings.enabled and "enabled" not in names:
        return ["enabled"]
    wanted = wanted_attributes(names, settings)
    return list(dict.fromkeys(_INPUTS[key] for key, name in names.items() if attributes.get(name) != wanted[name]))


def recognised_preset(attributes: Mapping[str, str]) -> Preset | None:
    """Guess from a realm's attributes which preset they were written by.

    Keycloak writes ``scimApiEnabled`` as false into realms that never used it; that tells nothing.
    """
    if PRESETS["sandbox"]["enabled"] in attributes:
        return "sandbox"
    if PRESETS["metatavu"]["authenticationMode"] in attributes:
        return "metatavu"
    return "keycloak" if attributes.get(PRESETS["keycloak"]["enabled"]) == "true" else None
