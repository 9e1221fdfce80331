"""Inputs and state of a tenant's SCIM endpoint. Knows no service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

from kzero_scim.keycloak.endpoint_settings import SETTINGS, Preset
from kzero_scim.resource.model import prop


@dataclass(frozen=True, kw_only=True)
class EndpointAnswer:
    """The endpoint's answer to a request without a token."""

    schema_module: ClassVar[str] = "keycloak"

    status: int = prop("HTTP status of GET <tenantUrl>/ServiceProviderConfig.")
    meaning: str = prop("`alive`, `not enabled`, `no such tenant`, `failing` or `something else`.")


@dataclass(frozen=True, kw_only=True)
class ScimEndpointInputs:
    """The wanted settings of the endpoint."""

    realm: str = prop("Name of the KZero tenant (realm), case-sensitive.", replace=True)
    profile: Literal["Azure", "Generic"] = prop("Profile of the endpoint; Azure for Entra ID.", default="Azure")
    azure_tenant_id: str | None = prop(
        "ID (GUID) of the Entra tenant that may provision. Required for the profile Azure, not allowed for Generic.",
        default=None,
    )
    enabled: bool = prop("Whether the endpoint is on.", default=True)
    activation: Literal["console", "attributes"] = prop(
        "`console`: a person enters the settings in KZero's dashboard, and this resource checks that the endpoint is "
        "alive; `attributes`: this resource writes the settings as attributes, for your own Keycloak.",
        default="console",
    )
    preset: Preset | None = prop(
        "For activation attributes: the known server whose attribute names to use.", default=None
    )
    attribute_holder: Literal["realm", "client"] | None = prop(
        "For activation attributes: whether the realm (default) or the client scim-endpoint has the attributes.",
        default=None,
    )
    attribute_names: dict[str, str] | None = prop(
        f"For activation attributes: attribute name by setting ({', '.join(SETTINGS)}), instead of the preset's name.",
        default=None,
    )
    activation_timeout: int = prop(
        "Seconds to wait until the endpoint is alive; 0 does not wait. With activation console, a person has this time "
        "to enter the settings while the update runs.",
        default=0,
    )


@dataclass(frozen=True, kw_only=True)
class ScimEndpointState(ScimEndpointInputs):
    """The endpoint's last known status."""

    tenant_url: str = prop("SCIM base URL, which Entra calls Tenant URL.")
    answer: EndpointAnswer = prop("The endpoint's last answer.")
    alive: bool = prop("Whether a SCIM endpoint answered.")
    attributes: dict[str, str] = prop(
        "For activation attributes: the existing attributes of the settings.", default_factory=dict
    )
    settings_fingerprint: str = prop("Hash of realm, profile, Azure tenant ID and enabled. Use it as a trigger.")
