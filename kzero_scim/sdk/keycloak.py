"""Module ``kzero:keycloak``: the KZero side."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import pulumi

from kzero_scim.sdk.base import KzeroResource, OutputProperty, records

if TYPE_CHECKING:
    from kzero_scim.keycloak.protocol_mapper import Mapper


class ScimEndpoint(KzeroResource):
    """The settings of a KZero tenant's SCIM endpoint (dashboard page Integrations > SCIM), and what it answers."""

    resource_type: ClassVar[str] = "kzero:keycloak:ScimEndpoint"

    realm = OutputProperty[str]()
    profile = OutputProperty[str]()
    azure_tenant_id = OutputProperty[str | None]()
    enabled = OutputProperty[bool]()
    activation = OutputProperty[str]()
    preset = OutputProperty[str | None]()
    attribute_holder = OutputProperty[str | None]()
    attribute_names = OutputProperty[dict[str, str] | None]()
    activation_timeout = OutputProperty[int]()
    tenant_url = OutputProperty[str]()
    answer = OutputProperty[dict[str, Any]]()
    alive = OutputProperty[bool]()
    attributes = OutputProperty[dict[str, str]]()
    settings_fingerprint = OutputProperty[str]()

    def __init__(  # noqa: PLR0913 - one keyword an input
        self,
        name: str,
        *,
        realm: pulumi.Input[str],
        profile: pulumi.Input[str] | None = None,
        azure_tenant_id: pulumi.Input[str] | None = None,
        enabled: pulumi.Input[bool] | None = None,
        activation: pulumi.Input[str] | None = None,
        preset: pulumi.Input[str] | None = None,
        attribute_holder: pulumi.Input[str] | None = None,
        attribute_names: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None,
        activation_timeout: pulumi.Input[int] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare the endpoint of tenant ``realm``."""
        inputs = {
            "realm": realm,
            "profile": profile,
            "azure_tenant_id": azure_tenant_id,
            "enabled": enabled,
            "activation": activation,
            "preset": preset,
            "attribute_holder": attribute_holder,
            "attribute_names": attribute_names,
            "activation_timeout": activation_timeout,
        }
        super().__init__(name, inputs, opts)


class MapperSet(KzeroResource):
    """The protocol mappers of a KZero tenant's SCIM client, by which KZero reads SCIM attributes."""

    resource_type: ClassVar[str] = "kzero:keycloak:MapperSet"

    realm = OutputProperty[str]()
    client_id = OutputProperty[str]()
    mappers = OutputProperty[dict[str, Any]]()
    exclusive = OutputProperty[bool]()
    escape_dots = OutputProperty[bool]()
    client_uuid = OutputProperty[str]()
    mapper_ids = OutputProperty[dict[str, str]]()
    unmanaged = OutputProperty[list[str]]()
    fingerprint = OutputProperty[str]()
    server_url = OutputProperty[str | None]()

    def __init__(  # noqa: PLR0913 - one keyword an input
        self,
        name: str,
        *,
        realm: pulumi.Input[str],
        client_id: pulumi.Input[str] | None = None,
        mappers: pulumi.Input[Mapping[str, pulumi.Input[Mapping[str, Any] | Mapper]]] | None = None,
        exclusive: pulumi.Input[bool] | None = None,
        escape_dots: pulumi.Input[bool] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare the mappers, by name; without them the seven of KZero's guide."""
        inputs = {
            "realm": realm,
            "client_id": client_id,
            "mappers": records(mappers),
            "exclusive": exclusive,
            "escape_dots": escape_dots,
        }
        super().__init__(name, inputs, opts)


class RemoteToken(KzeroResource):
    """A token of the tenant's realm, tried at its SCIM endpoint; what Entra is given with the profile Generic."""

    resource_type: ClassVar[str] = "kzero:keycloak:RemoteToken"
    secrets = ("access_token",)

    realm = OutputProperty[str]()
    tenant_url = OutputProperty[str]()
    client_id = OutputProperty[str]()
    token_endpoint = OutputProperty[str]()
    method = OutputProperty[str]()
    renew_before = OutputProperty[int]()
    triggers = OutputProperty[dict[str, str]]()
    access_token = OutputProperty[str | None]()
    issued_at = OutputProperty[str]()
    expires_at = OutputProperty[str | None]()
    lifespan = OutputProperty[int | None]()
    secret_fingerprint = OutputProperty[str]()

    def __init__(  # noqa: PLR0913 - one keyword an input
        self,
        name: str,
        *,
        realm: pulumi.Input[str],
        tenant_url: pulumi.Input[str],
        client_id: pulumi.Input[str] | None = None,
        token_endpoint: pulumi.Input[str] | None = None,
        method: pulumi.Input[str] | None = None,
        renew_before: pulumi.Input[int] | None = None,
        triggers: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare the token; client and secret are the provider's own."""
        inputs = {
            "realm": realm,
            "tenant_url": tenant_url,
            "client_id": client_id,
            "token_endpoint": token_endpoint,
            "method": method,
            "renew_before": renew_before,
            "triggers": triggers,
        }
        super().__init__(name, inputs, opts)


class ScimApiClient(KzeroResource):
    """What a client of the realm needs to provision by Keycloak's own SCIM API: audience, role, tokens that last."""

    resource_type: ClassVar[str] = "kzero:keycloak:ScimApiClient"

    realm = OutputProperty[str]()
    client_id = OutputProperty[str]()
    audience = OutputProperty[str]()
    manages_users = OutputProperty[bool]()
    access_token_lifespan = OutputProperty[int | None]()
    client_uuid = OutputProperty[str]()
    audiences = OutputProperty[list[str]]()
    roles = OutputProperty[list[str]]()
    made = OutputProperty[list[str]]()
    prior_lifespan = OutputProperty[str | None]()
    fingerprint = OutputProperty[str]()

    def __init__(  # noqa: PLR0913 - one keyword an input
        self,
        name: str,
        *,
        realm: pulumi.Input[str],
        client_id: pulumi.Input[str],
        audience: pulumi.Input[str],
        manages_users: pulumi.Input[bool] | None = None,
        access_token_lifespan: pulumi.Input[int] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare what client ``client_id`` needs."""
        inputs = {
            "realm": realm,
            "client_id": client_id,
            "audience": audience,
            "manages_users": manages_users,
            "access_token_lifespan": access_token_lifespan,
        }
        super().__init__(name, inputs, opts)


class ScimAttributes(KzeroResource):
    """Which further user attributes Keycloak's own SCIM API keeps: annotations in the realm's user profile."""

    resource_type: ClassVar[str] = "kzero:keycloak:ScimAttributes"

    realm = OutputProperty[str]()
    attributes = OutputProperty[dict[str, str]]()
    created = OutputProperty[list[str]]()
    prior = OutputProperty[dict[str, str]]()
    fingerprint = OutputProperty[str]()

    def __init__(
        self,
        name: str,
        *,
        realm: pulumi.Input[str],
        attributes: pulumi.Input[Mapping[str, pulumi.Input[str]]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare the attributes, user attribute to SCIM attribute."""
        super().__init__(name, {"realm": realm, "attributes": attributes}, opts)


class ProvisionedUsers(KzeroResource):
    """What becomes of the users in KZero when the stack is destroyed: kept as they are, or disabled."""

    resource_type: ClassVar[str] = "kzero:keycloak:ProvisionedUsers"

    realm = OutputProperty[str]()
    service_principal_id = OutputProperty[str]()
    user_name_source = OutputProperty[str]()
    on_destroy = OutputProperty[str]()
    on_delete = OutputProperty[str]()

    def __init__(  # noqa: PLR0913 - one keyword an input
        self,
        name: str,
        *,
        realm: pulumi.Input[str],
        service_principal_id: pulumi.Input[str],
        user_name_source: pulumi.Input[str] | None = None,
        on_destroy: pulumi.Input[str] | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare what becomes of the users; to be deleted after the job, it must be created before it."""
        inputs = {
            "realm": realm,
            "service_principal_id": service_principal_id,
            "user_name_source": user_name_source,
            "on_destroy": on_destroy,
        }
        super().__init__(name, inputs, opts)
