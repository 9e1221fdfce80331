"""Inputs and state of a client's mapper set. Knows no service."""

from __future__ import annotations

from dataclasses import dataclass

from kzero_scim.guide import values
from kzero_scim.keycloak.protocol_mapper import guide_mappers
from kzero_scim.resource.model import prop
from kzero_scim.settings.items import Mapper


@dataclass(frozen=True, kw_only=True)
class MapperSetInputs:
    """The wanted mappers of a client."""

    realm: str = prop("Name of the KZero tenant (realm), case-sensitive.", replace=True)
    client_id: str = prop(
        "Client ID of the client that has the mappers (in its dedicated scope).",
        default=values.CLIENT_ID,
        replace=True,
    )
    mappers: dict[str, Mapper] = prop(
        "Mappers by name. Default: the seven of KZero's guide.", default_factory=guide_mappers
    )
    exclusive: bool = prop("Whether to remove the client's mappers that are not listed.", default=False)
    escape_dots: bool = prop(
        "Whether to escape the dots of a URN in a claim name (2\\.0), so that Keycloak does not nest the claim. "
        "KZero's guide shows them unescaped.",
        default=False,
    )


@dataclass(frozen=True, kw_only=True)
class MapperSetState(MapperSetInputs):
    """The existing mappers of a client."""

    client_uuid: str = prop("Keycloak's ID of the client, a UUID.")
    mapper_ids: dict[str, str] = prop("Keycloak's IDs of the mappers, by name.", default_factory=dict)
    unmanaged: list[str] = prop(
        "Names of the client's other mappers, which this resource does not change.", default_factory=list
    )
    fingerprint: str = prop("Hash of the mappers. Use it as a trigger.")
    server_url: str | None = prop("Origin of the server that has the mappers.", default=None)
