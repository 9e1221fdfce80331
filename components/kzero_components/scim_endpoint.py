"""The SCIM endpoint and its mapper set in KZero (the guide's steps 1 and 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi

from kzero_scim import sdk as kzero


@dataclass(frozen=True, kw_only=True)
class Activation:
    """How the endpoint's settings reach KZero.

    Attributes:
        mode: ``console``: a person enters them in the dashboard; ``attributes``: kzero-scim writes them as attributes.
        preset: The known server whose attribute names to use.
        holder: Whether the ``realm`` or the ``client`` has the attributes.
        attributes: Attribute name by setting, instead of the preset's name.
        timeout: Seconds to wait for a person in mode ``console``; 0 does not wait.
    """

    mode: str = "console"
    preset: str | None = None
    holder: str | None = None
    attributes: Mapping[str, str] | None = None
    timeout: int = 0


class ScimEndpoint(pulumi.ComponentResource):
    """The SCIM endpoint of one KZero tenant, and the mappers with which it reads attributes.

    Args:
        name: Name of the component.
        tenant: Name of the KZero tenant (realm), case-sensitive.
        profile: ``Azure`` or ``Generic``.
        azure_tenant_id: ID of the Entra tenant that may provision, for profile Azure.
        activation: How the settings reach KZero.
        mappers: Mappers by name; None for the guide's seven.
        mappers_exclusive: Whether to remove mappers that are not listed.
        escape_dots: Whether to escape the dots in claim names.
        native: Whether the endpoint is Keycloak's own SCIM API, which uses no mappers.

    Attributes:
        endpoint: The resource for the settings.
        mapper_set: The resource for the mapper set; None for Keycloak's own SCIM API.
        tenant_url: The endpoint's address, which Entra calls Tenant URL.
    """

    tenant_url: pulumi.Output[str]

    def __init__(  # noqa: PLR0913 - one keyword a setting
        self,
        name: str,
        *,
        tenant: str,
        profile: str = "Azure",
        azure_tenant_id: str | None,
        activation: Activation,
        mappers: Mapping[str, Mapping[str, Any]] | None = None,
        mappers_exclusive: bool = False,
        escape_dots: bool = False,
        native: bool = False,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare the endpoint, then its mapper set."""
        super().__init__("kzero-scim:components:ScimEndpoint", name, None, opts)
        self.endpoint = kzero.ScimEndpoint(
            name,
            realm=tenant,
            profile=profile,
            azure_tenant_id=azure_tenant_id,
            enabled=True,
            activation=activation.mode,
            preset=activation.preset,
            attribute_holder=activation.holder,
            attribute_names=dict(activation.attributes) if activation.attributes else None,
            activation_timeout=activation.timeout,
            opts=pulumi.ResourceOptions(parent=self),
        )
        self.mapper_set: kzero.MapperSet | None = None
        if not native:
            self.mapper_set = kzero.MapperSet(
                name,
                realm=tenant,
                mappers={key: dict(value) for key, value in mappers.items()} if mappers else None,
                exclusive=mappers_exclusive,
                escape_dots=escape_dots,
                opts=pulumi.ResourceOptions(parent=self, depends_on=[self.endpoint]),
            )
        self.tenant_url = self.endpoint.tenant_url
        self.register_outputs({"tenantUrl": self.tenant_url})
