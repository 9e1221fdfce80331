"""Inputs and state of a client's mapper set. Knows no service."""

from __future__ import annotations

from dataclasses import dataclass

from kzero_scim.guide import values
from kzero_scim.keycloak.protocol_mapper import guide_mappers
from kzero_scim.resource.model import prop
from kzero_scim.settings.items import Mapper


@dataclass(frozen=True, kw_only=True)
class MapperSetInputs:
    """Which mappers the client must have."""

    realm: str = prop("Name of the KZero tenant (realm); case sensitive.", replace=True)
    client_id: str = prop(
        "The client whose own mappers they are (its dedicated scope).", default=values.CLIENT_ID, replace=True
    )
    mappers: dict[str, Mapper] = prop(
        "The mappers by name; the seven of KZero's guide by default.", default_factory=guide_mappers
    )
    exclusive: bool = prop("Also remove the client's mappers that are not listed here.", default=False)
    escape_dots: bool = prop(
        "Write the dots of a URN in a claim name escaped (2\\.0), so that Keycloak does not nest the claim at them. "
        "KZero's guide shows them unescaped.",
        default=False,
    )


@dataclass(frozen=True, kw_only=True)
class MapperSetState(MapperSetInputs):
    """The mappers that the client has."""

    client_uuid: str = prop("Keycloak's own id of the client.")
    mapper_ids: dict[str, str] = prop("Keycloak's ids of the mappers, by name.", default_factory=dict)
    unmanaged: list[str] = prop("Names of the client's other mappers, which are left alone.", default_factory=list)
    fingerprint: str = prop("Changes whenever the mappers do.")
    server_url: str | None = prop("Origin of the server that has them.", default=None)
