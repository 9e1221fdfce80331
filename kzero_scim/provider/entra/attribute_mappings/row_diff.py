"""Compares existing and wanted attribute mappings, by target and field. Asks no service."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from kzero_scim.mapping.attribute_mapping import comparable, lookup
from kzero_scim.resource.model import UNKNOWN, Change, ChangeKind, compare, is_known, path_key
from kzero_scim.settings.items import CustomAttribute, Row


def row_changes(old: Mapping[str, Row], new: Mapping[str, Row]) -> list[Change]:
    """Return the changes of rows. Ignores the case of targets, as SCIM does, and whitespace in expressions."""
    if new is UNKNOWN:
        return [Change("rows")]
    changes: list[Change] = []
    for target, row in new.items():
        path = f"rows{path_key(target)}"
        known = lookup(old, target)
        if known is None:
            changes.append(Change(path, ChangeKind.ADD))
        elif row is UNKNOWN:
            changes.append(Change(path))
        else:
            changes += compare(comparable(known[1]), comparable(row), path)
    gone = (target for target in old if lookup(new, target) is None)
    return [*changes, *(Change(f"rows{path_key(target)}", ChangeKind.DELETE) for target in gone)]


def attribute_changes(old: list[CustomAttribute], new: list[CustomAttribute]) -> list[Change]:
    """Return the changes of custom attributes, compared by name. Order does not matter."""
    if not is_known(new):
        return [Change("customAttributes")]
    known = {item.name.casefold(): item for item in old}
    changes: list[Change] = []
    for index, item in enumerate(new):
        before = known.pop(item.name.casefold(), None)
        changes += compare(before and replace(before, name=item.name), item, f"customAttributes[{index}]")
    gone = (index for index, item in enumerate(old) if item.name.casefold() in known)
    return [*changes, *(Change(f"customAttributes[{index}]", ChangeKind.DELETE) for index in gone)]
