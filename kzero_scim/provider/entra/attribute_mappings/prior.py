"""The schema's contents before this resource changed them: how the state keeps them, and which ones to restore."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, TypeVar

from kzero_scim.entra.schema.document import dump, load
from kzero_scim.entra.schema.merge import Original, Wanted
from kzero_scim.resource.model import prop

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Prior:
    """The schema's contents before this resource owned them. A deletion restores them."""

    schema_module: ClassVar[str] = "entra"

    rows: dict[str, str] = prop("Attribute mappings as JSON by target attribute; null if none existed.")
    custom_attributes: dict[str, str] = prop("Attribute definitions as JSON by name; null if none existed.")
    groups_enabled: bool | None = prop("Whether Entra provisioned groups, if provisionGroups is set.", default=None)
    matching_priorities: dict[str, int] | None = prop(
        "Matching priority of rows that this resource does not own but has moved, by target attribute.", default=None
    )


def as_prior(original: Original) -> Prior:
    """Return the recorded original in the form that the state keeps."""
    return Prior(
        rows={target: dump(row) for target, row in original.rows.items()},
        custom_attributes={name: dump(attribute) for name, attribute in original.attributes.items()},
        groups_enabled=original.groups_enabled,
        matching_priorities=dict(original.priorities) or None,
    )


def as_original(prior: Prior) -> Original:
    """Return the recorded original from the state."""
    return Original(
        rows={target: load(row) for target, row in prior.rows.items()},
        attributes={name: load(attribute) for name, attribute in prior.custom_attributes.items()},
        groups_enabled=prior.groups_enabled,
        priorities=prior.matching_priorities or {},
    )


def release(original: Original, wanted: Wanted) -> tuple[Original, Original]:
    """Return the part of the original that stays recorded, and the part to restore now."""
    rows = {target.casefold() for target in wanted.rows}
    attributes = {item.name.casefold() for item in wanted.custom_attributes}
    taken = {row.matching_priority for row in wanted.rows.values() if row.matching_priority > 0}
    kept = replace(
        original,
        rows={target: row for target, row in original.rows.items() if wanted.exclusive or target.casefold() in rows},
        attributes={name: item for name, item in original.attributes.items() if name.casefold() in attributes},
        priorities={
            target: priority
            for target, priority in original.priorities.items()
            if priority in taken and target.casefold() not in rows
        },
    )
    released = Original(
        rows={target: row for target, row in original.rows.items() if target not in kept.rows},
        attributes={name: item for name, item in original.attributes.items() if name not in kept.attributes},
        priorities={
            target: priority for target, priority in original.priorities.items() if target not in kept.priorities
        },
    )
    return kept, released


def combined(first: Original, later: Original) -> Original:
    """Merge two recorded originals. If both have a value, the first counts."""
    return Original(
        rows={**_others(later.rows, first.rows), **first.rows},
        attributes={**_others(later.attributes, first.attributes), **first.attributes},
        groups_enabled=later.groups_enabled if first.groups_enabled is None else first.groups_enabled,
        priorities={**_others(later.priorities, first.priorities), **first.priorities},
    )


def _others(later: Mapping[str, T], first: Mapping[str, T]) -> dict[str, T]:
    known = {name.casefold() for name in first}
    return {name: value for name, value in later.items() if name.casefold() not in known}
