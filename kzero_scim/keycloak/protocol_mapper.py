"""User Attribute mappers: converts Keycloak's representation and plans changes. Pure: sends no request."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast, get_args

from kzero_scim.guide import values
from kzero_scim.settings.items import JsonType, Mapper, unescaped

Representation = dict[str, Any]
"""A ``ProtocolMapperRepresentation`` of Keycloak's admin REST API."""

PROTOCOL: Final = "openid-connect"
USER_ATTRIBUTE: Final = "oidc-usermodel-attribute-mapper"
"""Keycloak's name for the mapper type that its console calls User Attribute."""


def guide_mappers() -> dict[str, Mapper]:
    """Return the guide's seven mappers (step 2)."""
    return {
        mapper.name: Mapper(
            user_attribute=mapper.user_attribute,
            claim=mapper.claim,
            claim_json_type=cast("JsonType", mapper.claim_json_type),
        )
        for mapper in values.MAPPERS
    }


@dataclass(frozen=True)
class MapperPlan:
    """The writes that give a client the wanted mappers.

    Attributes:
        update: Mappers to replace, identified by their ``id``.
        add: Mappers to add.
        delete: Mappers to remove.
    """

    update: tuple[Representation, ...] = ()
    add: tuple[Representation, ...] = ()
    delete: tuple[Representation, ...] = ()

    def __bool__(self) -> bool:
        """Return whether anything must be written."""
        return bool(self.update or self.add or self.delete)


def escaped(claim: str) -> str:
    r"""Return a claim with the dots of its URN escaped (``2\.0``), because Keycloak nests a claim at each dot.

    Dots after the last colon, and dots of a claim that is not a URN, mean nesting and stay.
    :func:`kzero_scim.settings.items.unescaped` reverses this.
    """
    if not claim.startswith("urn:"):
        return claim
    urn, colon, attribute = claim.rpartition(":")
    return re.sub(r"(?<!\\)\.", r"\\.", urn) + colon + attribute


def row_of(mapper: Representation, *, escape_dots: bool = False) -> Mapper | None:
    """Return a mapper as a row, or None if it has another type or lacks a required value.

    Args:
        mapper: Keycloak's representation.
        escape_dots: Return the claim's dots without escapes.
    """
    config: Mapping[str, str] = mapper.get("config") or {}
    attribute, claim = config.get("user.attribute"), config.get("claim.name")
    json_type = config.get("jsonType.label")
    if not _is_user_attribute(mapper) or not attribute or not claim or json_type not in get_args(JsonType):
        return None
    return Mapper(
        user_attribute=attribute,
        claim=unescaped(claim) if escape_dots else claim,
        claim_json_type=cast("JsonType", json_type),
        id_token=config.get("id.token.claim") == "true",
        access_token=config.get("access.token.claim") == "true",
        # For older mappers Keycloak derives these two options from the other two (OIDCAttributeMapperHelper).
        userinfo=config.get("userinfo.token.claim", config.get("id.token.claim")) == "true",
        introspection=config.get("introspection.token.claim", config.get("access.token.claim")) == "true",
        multivalued=config.get("multivalued") == "true",
        aggregate_values=config.get("aggregate.attrs") == "true",
    )


def plan_mappers(
    actual: Iterable[Representation],
    wanted: Mapping[str, Mapper],
    *,
    drop: Collection[str] = (),
    exclusive: bool = False,
    escape_dots: bool = False,
) -> MapperPlan:
    """Return the fewest writes that give a client the wanted mappers.

    Args:
        actual: The client's mappers.
        wanted: The wanted mappers, by name.
        drop: Names of mappers that were wanted before; those not wanted now are removed.
        exclusive: Also remove every other mapper of the client.
        escape_dots: Write the claims of URNs with their dots escaped.

    Returns:
        The writes. A mapper with a wanted name but another type is replaced and keeps its ID.
    """
    actual = list(actual)
    existing = {mapper["name"]: mapper for mapper in actual if mapper.get("protocol") == PROTOCOL}
    update: list[Representation] = []
    add: list[Representation] = []
    for name, row in wanted.items():
        payload = _representation(name, row, escape_dots=escape_dots)
        before = existing.get(name)
        if before is None:
            add.append(payload)
        elif _is_user_attribute(before):
            if row_of(before) != row_of(payload):
                config = {**(before.get("config") or {}), **payload["config"]}  # keeps other settings
                update.append({**before, "config": config})
        else:
            update.append({**payload, "id": before["id"]})
    delete = [
        mapper
        for mapper in actual
        if existing.get(mapper["name"]) is not mapper or mapper["name"] not in wanted
        if exclusive or (mapper["name"] in drop and _is_user_attribute(mapper))
    ]
    return MapperPlan(tuple(update), tuple(add), tuple(delete))


def unmanaged(actual: Iterable[Representation], owned: Collection[str]) -> list[str]:
    """Return the names of a client's mappers that the stack does not own, sorted."""
    return sorted(mapper["name"] for mapper in actual if mapper["name"] not in owned or mapper["protocol"] != PROTOCOL)


def is_escaped(actual: Iterable[Representation], owned: Collection[str]) -> bool:
    """Return whether the claims of all owned mappers have their dots escaped."""
    claims = [
        (mapper.get("config") or {}).get("claim.name") or ""
        for mapper in actual
        if mapper["name"] in owned and _is_user_attribute(mapper)
    ]
    return all(escaped(claim) == claim for claim in claims)


def _is_user_attribute(mapper: Representation) -> bool:
    return mapper.get("protocol") == PROTOCOL and mapper.get("protocolMapper") == USER_ATTRIBUTE


def _flag(*, on: bool) -> str:
    return "true" if on else "false"


def _representation(name: str, row: Mapper, *, escape_dots: bool) -> Representation:
    return {
        "name": name,
        "protocol": PROTOCOL,
        "protocolMapper": USER_ATTRIBUTE,
        "config": {
            "user.attribute": row.user_attribute,
            "claim.name": escaped(row.claim) if escape_dots else row.claim,
            "jsonType.label": row.claim_json_type,
            "id.token.claim": _flag(on=row.id_token),
            "access.token.claim": _flag(on=row.access_token),
            "userinfo.token.claim": _flag(on=row.userinfo),
            "introspection.token.claim": _flag(on=row.introspection),
            "multivalued": _flag(on=row.multivalued),
            "aggregate.attrs": _flag(on=row.aggregate_values),
        },
    }
