"""What stood in the schema before a tenant's rows: how the state keeps it, and which of it is given back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from kzero_scim.entra.schema.document import dump, load
from kzero_scim.entra.schema.merge import Original, Wanted
from kzero_scim.resource.model import prop


@dataclass(frozen=True, kw_only=True)
class Prior:
    """What stood in the schema before the rows became ours; delete puts it back."""

    schema_module: ClassVar[str] = "entra"

    rows: dict[str, str] = prop("Attribute mapping as JSON by target attribute; null where there was none.")
    custom_attributes: dict[str, str] = prop("Attribute definition as JSON by name; null where there was none.")
    groups_enabled: bool | None = prop("Whether groups were provisioned, if provisionGroups is set.", default=None)


def as_prior(original: Original) -> Prior:
    """Spell what was noted so that the state can keep it."""
    return Prior(
        rows={target: dump(row) for target, row in original.rows.items()},
        custom_attributes={name: dump(attribute) for name, attribute in original.attributes.items()},
        groups_enabled=original.groups_enabled,
    )


def as_original(prior: Prior) -> Original:
    """Read what the state has kept."""
    return Original(
        rows={target: load(row) for target, row in prior.rows.items()},
        attributes={name: load(attribute) for name, attribute in prior.custom_attributes.items()},
        groups_enabled=prior.groups_enabled,
    )


def release(original: Original, wanted: Wanted) -> tuple[Original, Original]:
    """Part what was noted into what stays ours and what is given back."""
    rows = {target.casefold() for target in wanted.rows}
    attributes = {item.name.casefold() for item in wanted.custom_attributes}
    kept = replace(
        original,
        rows={target: row for target, row in original.rows.items() if wanted.exclusive or target.casefold() in rows},
        attributes={name: item for name, item in original.attributes.items() if name.casefold() in attributes},
    )
    released = Original(
        rows={target: row for target, row in original.rows.items() if target not in kept.rows},
        attributes={name: item for name, item in original.attributes.items() if name not in kept.attributes},
    )
    return kept, released
