"""Turns existing objects into settings. Pure: values in, values out.

Objects that match KZero's guide or are missing use the defaults, so that a preview adds missing ones. Objects that
differ are written as they are. Other objects are not managed: they are neither listed nor removed.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from kzero_scim.errors import AdoptionError
from kzero_scim.keycloak.protocol_mapper import escaped, guide_mappers
from kzero_scim.mapping.attribute_mapping import guide_custom_attributes, guide_rows, lookup, same
from kzero_scim.settings.items import CustomAttribute, Mapper, Row, TargetedRow, unescaped
from kzero_scim.settings.tenant_settings import TenantSettings


@dataclass(frozen=True, kw_only=True)
class Mappers:
    """A mapper set: mappers by name with unescaped claims, and whether Keycloak has dots escaped."""

    mappers: dict[str, Mapper]
    escape_dots: bool = False

    @property
    def is_guide(self) -> bool:
        """Whether these are exactly the guide's seven mappers."""
        return self.mappers == guide_mappers()


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The attribute mappings that the stack will manage, and the custom attributes that they need."""

    rows: dict[str, Row]
    custom_attributes: list[CustomAttribute]

    @property
    def are_guide(self) -> bool:
        """Whether these are the guide's seven rows."""
        rows = guide_rows()
        return (
            list(self.rows) == list(rows)
            and all(same(row, rows[target]) for target, row in self.rows.items())
            and self.custom_attributes == guide_custom_attributes()
        )


def own_mappers(found: Mapping[str, Mapper]) -> Mappers:
    """Return the client's mappers that correspond to the guide's.

    Args:
        found: All User Attribute mappers of the client, by name, with claims as in Keycloak.

    Returns:
        For each of the guide's seven: the mapper of that name, else a mapper of another name with the same claim, else
        the guide's mapper, which an update will add.
    """
    wanted = guide_mappers()
    by_claim = {unescaped(mapper.claim): name for name, mapper in found.items() if name not in wanted}
    chosen: dict[str, Mapper] = {}
    for name, mapper in wanted.items():
        if name in found:
            chosen[name] = found[name]
        elif other := by_claim.get(mapper.claim):
            chosen[other] = found[other]
        else:
            chosen[name] = mapper
    existing = [mapper.claim for name, mapper in chosen.items() if name in found]
    escape_dots = any(claim != unescaped(claim) for claim in existing) and all(map(_is_escaped, existing))
    if escape_dots:
        chosen = {name: dataclasses.replace(item, claim=unescaped(item.claim)) for name, item in chosen.items()}
    return Mappers(mappers=chosen, escape_dots=escape_dots)


def own_rows(found: Mapping[str, Row], attributes: Mapping[str, CustomAttribute]) -> Rows:
    """Return the job's rows that correspond to the guide's.

    Args:
        found: All rows for users, by target.
        attributes: Definitions of existing custom target attributes, by name.

    Returns:
        For each of the guide's seven targets, the existing row, else the guide's. If none of these matches users, also
        the rows that do, because Entra finds existing users by them.
    """
    rows: dict[str, Row] = {}
    for target, row in guide_rows().items():
        existing = lookup(found, target)
        rows[target] = existing[1] if existing and not same(existing[1], row) else row
    if not any(row.matching_priority for row in rows.values()):
        rows |= {target: row for target, row in found.items() if row.matching_priority and target not in rows}
    custom = [attributes.get(item.name, item) for item in guide_custom_attributes()]
    return Rows(rows=rows, custom_attributes=custom)


def settings_from(given: Mapping[str, Any], mappers: Mappers, rows: Rows | None) -> TenantSettings:
    """Return the settings that describe the existing objects.

    Args:
        given: The other settings by field name.
        mappers: The mapper set.
        rows: The attribute mappings; None if there is no job yet.

    Raises:
        AdoptionError: Settings cannot describe the existing objects.
    """
    values = dict(given)
    if not mappers.is_guide:
        values["mappers"] = mappers.mappers
    values["mappers_escape_dots"] = mappers.escape_dots
    if rows is not None and not rows.are_guide:
        values["attribute_mappings"] = [
            TargetedRow(target=target, **dataclasses.asdict(row)) for target, row in rows.rows.items()
        ]
        if rows.custom_attributes != guide_custom_attributes():
            values["custom_attributes"] = rows.custom_attributes
    try:
        return TenantSettings.model_validate(values, by_name=True)
    except ValidationError as error:
        reasons = "; ".join(_reason(item["loc"], item["msg"]) for item in error.errors())
        message = f"settings cannot describe the existing objects: {reasons}; correct them in their console"
        raise AdoptionError(message) from error


def missing_mappers(found: Mapping[str, Mapper], own: Mappers) -> list[str]:
    """Return the mappers that an update will add."""
    return [name for name in own.mappers if name not in found]


def _reason(place: tuple[int | str, ...], reason: str) -> str:
    where = ".".join(map(str, place))
    return f"{where}: {reason}" if where else reason.removeprefix("Value error, ")


def _is_escaped(claim: str) -> bool:
    return escaped(unescaped(claim)) == claim
