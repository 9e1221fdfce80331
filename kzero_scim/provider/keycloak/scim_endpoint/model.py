"""Inputs and state of a tenant's SCIM endpoint. Knows no service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from kzero_scim.keycloak.endpoint_settings import SETTINGS, Preset
from kzero_scim.resource.model import prop


@dataclass(frozen=True, kw_only=True)
class EndpointAnswer:
    """What the endpoint answered to a look without a token."""

    schema_module: ClassVar[str] = "keycloak"

    status: int = prop("HTTP status of GET <tenantUrl>/ServiceProviderConfig.")
    meaning: str = prop("alive, not enabled, no such tenant, failing, or something else.")


@dataclass(frozen=True, kw_only=True)
class ScimEndpointInputs:
    """How the endpoint is to be set."""

    realm: str = prop("Name of the KZero tenant (realm); case sensitive.", replace=True)
    profile: Literal["Azure", "Generic"] = prop("The endpoint's Profile; Azure for Entra ID.", default="Azure")
    azure_tenant_id: str | None = prop(
        "The Entra tenant that may provision, a GUID; required for the profile Azure, not allowed for Generic.",
        default=None,
    )
    enabled: bool = prop("Whether the endpoint is on.", default=True)
    activation: Literal["console", "attributes"] = prop(
        "console: a person enters the settings in KZero's dashboard and this resource looks whether the endpoint is "
        "alive; attributes: the settings are written as attributes, for a Keycloak of your own.",
        default="console",
    )
    preset: Preset | None = prop("For activation attributes: names of the attributes of a known server.", default=None)
    attribute_holder: Literal["realm", "client"] | None = prop(
        "For activation attributes: whose attributes they are, the realm's (default) or those of client scim-endpoint.",
        default=None,
    )
    attribute_names: dict[str, str] | None = prop(
        f"For activation attributes: setting ({', '.join(SETTINGS)}) to attribute name; over the preset's.",
        default=None,
    )
    activation_timeout: int = prop(
        "Seconds to wait until the endpoint is alive; 0 does not wait. With activation console this is the time that a "
        "person has to enter the settings while the update runs.",
        default=0,
    )


@dataclass(frozen=True, kw_only=True)
class ScimEndpointState(ScimEndpointInputs):
    """The endpoint as it was last seen."""

    tenant_url: str = prop("The SCIM base URL; Entra calls it Tenant URL.")
    answer: EndpointAnswer = prop("What the endpoint answered last.")
    alive: bool = prop("Whether a SCIM endpoint answered.")
    attributes: dict[str, str] = prop(
        "For activation attributes: the settings' attributes as they are.", default_factory=dict
    )
    settings_fingerprint: str = prop("Changes whenever realm, profile, Azure tenant id or enabled do.")
