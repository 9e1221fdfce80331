"""The KZero side: the SCIM endpoint's settings and the mapper set, the guide's steps 1 and 2."""

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
        mode: ``console``: a person enters them in the dashboard; ``attributes``: written as attributes.
        preset: Names of the attributes for a known server.
        holder: ``realm`` or ``client``: whose attributes.
        attributes: Setting to attribute name, over the preset's.
        timeout: Seconds to wait for a person in mode ``console``; 0 does not wait.
    """

    mode: str = "console"
    preset: str | None = None
    holder: str | None = None
    attributes: Mapping[str, str] | None = None
    timeout: int = 0


class ScimEndpoint(pulumi.ComponentResource):
    """The SCIM endpoint of one KZero tenant, and how it reads attributes.

    Args:
        name: The component's name.
        tenant: The KZero tenant's (realm's) name, case sensitive.
        profile: ``Azure`` or ``Generic``.
        azure_tenant_id: The Entra tenant that may provision, for profile Azure.
        activation: How the settings reach KZero.
        mappers: Name to mapper; None for the guide's seven.
        mappers_exclusive: Also remove mappers that were made elsewhere.
        escape_dots: Write the dots of a claim name escaped.
        native: It is Keycloak's own SCIM API, to which mappers do not matter.

    Attributes:
        endpoint: The resource of the settings.
        mapper_set: The resource of the mapper set; None for Keycloak's own SCIM API.
        tenant_url: What Entra calls the Tenant URL.
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
