"""Merges a stack's rows into Graph's ``synchronizationSchema``, restores and compares it. Pure: sends no request.

Functions return a new document and keep every field that the stack does not own. ``document.py`` reads documents.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kzero_scim.entra.schema.document import (
    Document,
    custom_attributes,
    entries,
    extract,
    find,
    is_enabled,
    key_of,
    locate,
    name_of,
    parsed_functions,
    priority_of,
    read_row,
    removable_targets,
    writable,
)
from kzero_scim.errors import ProviderError
from kzero_scim.mapping.attribute_mapping import (
    canonical,
    comparable,
    normalise_expression,
    referenced_attributes,
    same,
)
from kzero_scim.mapping.source_attributes import USER_ATTRIBUTES, is_user_attribute, near_names
from kzero_scim.resource.model import as_plain
from kzero_scim.settings.items import CustomAttribute, Row

_ATTRIBUTE_EXTRAS: Document = {
    "anchor": False,
    "apiExpressions": [],
    "flowNullValues": False,
    "metadata": [],
    "multivalued": False,
    "mutability": "ReadWrite",
    "referencedObjects": [],
    "required": False,
}


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a stack owns in the document. None leaves an object mapping's switch unchanged."""

    rows: Mapping[str, Row]
    custom_attributes: Sequence[CustomAttribute] = ()
    provision_groups: bool | None = None
    exclusive: bool = False


@dataclass(frozen=True, kw_only=True)
class Original:
    """What the document contained before the stack changed it, to restore it.

    Attributes:
        rows: Original attribute mapping by target attribute; None if there was no mapping.
        attributes: Original definition of a custom attribute by name; None if it was not defined.
        groups_enabled: Whether groups were provisioned; None if the stack does not own the switch.
        priorities: Original matching priority of other rows, which had to make room, by target attribute.
    """

    rows: Mapping[str, Document | None] = field(default_factory=dict)
    attributes: Mapping[str, Document | None] = field(default_factory=dict)
    groups_enabled: bool | None = None
    priorities: Mapping[str, int] = field(default_factory=dict)


def require_attributes(document: Document, wanted: Wanted) -> None:
    """Check that the document's directories have the attributes that rows read and fill.

    Raises:
        ProviderError: Some do not. The message names all such rows, with similar names.
    """
    place = locate(document, "User")
    sources = [name_of(item) for item in entries(place.source, "attributes")]
    targets = [name_of(item) for item in place.attributes]
    defined = {name.casefold() for name in (*targets, *(item.name for item in wanted.custom_attributes))}
    problems: list[str] = []
    for target, row in wanted.rows.items():
        problems += [
            f"rows[{target!r}]: Entra's user has no attribute {name!r}{_suggestion(name, sources)}"
            for name in referenced_attributes(canonical(row))
            if name not in sources
        ]
        if target.casefold() not in defined:
            problems.append(f"rows[{target!r}]: the SCIM schema has no such attribute{_suggestion(target, targets)}")
    if wanted.provision_groups is not None and find(document, "Group") is None:
        problems.append("provisionGroups: the job's schema has no object mapping for groups; remove this setting")
    if problems:
        message = f"cannot set the attribute mappings, nothing was changed: {'; '.join(problems)}"
        raise ProviderError(message)


def record(document: Document, wanted: Wanted, known: Original | None = None) -> Original:
    """Return the original content of everything that the stack will own. Keeps what was recorded before."""
    known = known or Original()
    place = locate(document, "User")
    targets = [*wanted.rows, *(removable_targets(document, wanted.rows) if wanted.exclusive else ())]
    return Original(
        rows=_noted(known.rows, targets, place.rows),
        attributes=_noted(known.attributes, [item.name for item in wanted.custom_attributes], place.attributes),
        groups_enabled=_switch(known.groups_enabled, wanted.provision_groups, is_enabled(document, "Group")),
        priorities={**{target: before for target, (before, _) in moved(document, wanted).items()}, **known.priorities},
    )


def moved(document: Document, wanted: Wanted) -> dict[str, tuple[int, int]]:
    """Return the matching priorities of other rows that make room for the stack's rows, before and after, by target.

    Entra matches by each priority once. Rows that the stack does not own keep their order and come after its rows.
    """
    taken = {row.matching_priority for row in wanted.rows.values() if row.matching_priority > 0}
    owned = {target.casefold() for target in wanted.rows}
    removed = {target.casefold() for target in removable_targets(document, wanted.rows)} if wanted.exclusive else set()
    others = [
        row for row in locate(document, "User").rows if key_of(row) not in owned | removed and priority_of(row) > 0
    ]
    found: dict[str, tuple[int, int]] = {}
    last = 0
    for row in sorted(others, key=priority_of):
        before = after = priority_of(row)
        after = max(after, last + 1) if found else after
        while after in taken:
            after += 1
        if after != before:
            found[name_of(row)] = before, after
        last = after
    return found


def merge(document: Document, wanted: Wanted, parsed: Mapping[str, Document] | None = None) -> Document:
    """Return a copy of the document with the stack's rows, attributes and switches.

    Args:
        document: The current schema.
        wanted: What the stack owns.
        parsed: Entra's parsed form of expressions that the document does not contain, by expression.

    Returns:
        A new document, equal to the old one if nothing had to change.
    """
    sources = parsed_functions(document) | {normalise_expression(key): value for key, value in (parsed or {}).items()}
    merged = writable(document)
    place = locate(merged, "User")
    if wanted.exclusive:
        removed = {target.casefold() for target in removable_targets(merged, wanted.rows)}
        place.mapping["attributeMappings"] = [row for row in place.rows if key_of(row) not in removed]
    for attribute in wanted.custom_attributes:
        _set_attribute(place.attributes, attribute)
    _set_priorities(place.rows, {target: after for target, (_, after) in moved(merged, wanted).items()})
    for target, row in wanted.rows.items():
        _set_row(place.rows, target, canonical(row), sources)
    _set_groups_enabled(merged, wanted.provision_groups)
    return merged


def restore(document: Document, original: Original) -> Document:
    """Return a copy of the document with its original content: the reverse of :func:`merge`.

    A custom attribute of the stack stays while another row still fills it.
    """
    restored = writable(document)
    place = locate(restored, "User")
    for target, row in original.rows.items():
        _put_back(place.rows, target, row)
    _set_priorities(place.rows, original.priorities)
    used = {key_of(row) for row in place.rows}
    for name, attribute in original.attributes.items():
        if attribute is not None or name.casefold() not in used:
            _put_back(place.attributes, name, attribute)
    _set_groups_enabled(restored, original.groups_enabled)
    return restored


def differences(document: Document, wanted: Wanted) -> list[str]:
    """Return what the stack owns and the document lacks or contradicts, for example after a write."""
    found: list[str] = []
    rows = extract(document, list(wanted.rows))
    for target, row in wanted.rows.items():
        if target not in rows:
            found.append(f"rows[{target!r}] is missing")
        elif not same(rows[target], row):
            found.append(f"rows[{target!r}] is {rows[target]}")
    defined = {
        item.name: item for item in custom_attributes(document, [item.name for item in wanted.custom_attributes])
    }
    found += [
        f"customAttributes[{item.name!r}] is {'missing' if item.name not in defined else 'different'}"
        for item in wanted.custom_attributes
        if defined.get(item.name) != item
    ]
    if wanted.provision_groups is not None and is_enabled(document, "Group") != wanted.provision_groups:
        found.append("provisionGroups")
    found += [
        f"rows[{target!r}] has matching priority {before}" for target, (before, _) in moved(document, wanted).items()
    ]
    if wanted.exclusive:
        found += [f"rows[{target!r}] is still there" for target in removable_targets(document, wanted.rows)]
    return found


def _suggestion(name: str, names: Sequence[str]) -> str:
    near = near_names(name, names)
    return f" (similar: {', '.join(near)})" if near else ""


def _set_row(rows: list[Document], target: str, row: Row, sources: Mapping[str, Document]) -> None:
    mapping = next((item for item in rows if key_of(item) == target.casefold()), None)
    if mapping is None:
        mapping = {
            "targetAttributeName": target,
            "source": None,
            "defaultValue": None,
            "exportMissingReferences": False,
        }
        rows.append(mapping)
        mapping |= _settings(row) | {"source": _source(row, sources)}
        return
    if same(read_row(mapping), row):
        return
    actual = read_row(mapping)
    if (actual.source, actual.expression, actual.constant) != (row.source, row.expression, row.constant):
        mapping["source"] = _source(row, sources)
    mapping |= _settings(row)


def _settings(row: Row) -> Document:
    return {
        "defaultValue": row.default_value,
        "flowBehavior": row.flow_behavior,
        "flowType": row.flow_type,
        "matchingPriority": row.matching_priority,
    }


def _source(row: Row, sources: Mapping[str, Document]) -> Document:
    if row.source is not None:
        return {"expression": f"[{row.source}]", "name": row.source, "parameters": [], "type": "Attribute"}
    if row.constant is not None:
        return {"expression": _literal(row.constant), "name": row.constant, "parameters": [], "type": "Constant"}
    expression = row.expression or ""
    try:
        return copy.deepcopy(sources[normalise_expression(expression)])
    except KeyError:
        message = f"the expression {expression!r} is not in the schema, and Entra has not parsed it"
        raise ProviderError(message) from None


def _literal(text: str) -> str:
    """Return a string literal of Entra's mapping language, which escapes quotes and backslashes with a backslash.

    https://learn.microsoft.com/entra/identity/app-provisioning/functions-for-customizing-application-data
    """
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _set_priorities(rows: list[Document], priorities: Mapping[str, int]) -> None:
    wanted = {target.casefold(): priority for target, priority in priorities.items()}
    for row in rows:
        if key_of(row) in wanted:
            row["matchingPriority"] = wanted[key_of(row)]


def _set_attribute(attributes: list[Document], wanted: CustomAttribute) -> None:
    fields = {"type": wanted.type, "caseExact": wanted.case_exact}
    for item in attributes:
        if key_of(item) == wanted.name.casefold():
            if {"type": item.get("type") or "String", "caseExact": bool(item.get("caseExact"))} != fields:
                item.update(fields)
            return
    attributes.append(copy.deepcopy(_ATTRIBUTE_EXTRAS) | {"name": wanted.name, "defaultValue": None} | fields)


def _set_groups_enabled(document: Document, value: bool | None) -> None:  # noqa: FBT001 - three-valued
    place = find(document, "Group")
    if value is not None and place is not None and is_enabled(document, "Group") is not value:
        place.mapping["enabled"] = value


def _noted(
    known: Mapping[str, Document | None], names: Sequence[str], parts: list[Document]
) -> dict[str, Document | None]:
    present = {key_of(part): part for part in parts}
    noted = {name.casefold() for name in known}
    fresh = {name: copy.deepcopy(present.get(name.casefold())) for name in names if name.casefold() not in noted}
    return {**known, **fresh}


def _switch(known: bool | None, wanted: bool | None, actual: bool | None) -> bool | None:  # noqa: FBT001 - three-valued
    if wanted is None:
        return None
    return actual if known is None else known


def _put_back(parts: list[Document], name: str, part: Document | None) -> None:
    index = next((number for number, item in enumerate(parts) if key_of(item) == name.casefold()), None)
    if part is None:
        if index is not None:
            del parts[index]
    elif index is None:
        parts.append(copy.deepcopy(part))
    else:
        parts[index] = copy.deepcopy(part)


def require_offered_attributes(rows: Mapping[str, Row]) -> None:
    """Check, without a document, that rows read only attributes that Entra offers to a new job.

    Raises:
        ProviderError: Some do not. The message names all such rows, with similar names.
    """
    problems = [
        f"rows[{target!r}]: Entra's user has no attribute {name!r}{_suggestion(name, sorted(USER_ATTRIBUTES))}"
        for target, row in rows.items()
        for name in referenced_attributes(canonical(row))
        if not is_user_attribute(name)
    ]
    if problems:
        message = f"cannot set the attribute mappings, nothing was changed: {'; '.join(problems)}"
        raise ProviderError(message)


def fingerprint(wanted: Wanted) -> str:
    """Return a fingerprint of everything that affects provisioning. Order and spelling do not count."""
    rows = {target.casefold(): as_plain(comparable(row)) for target, row in wanted.rows.items()}
    attributes = sorted((item.name.casefold(), item.type, item.case_exact) for item in wanted.custom_attributes)
    # The first place was a switch for users; without it every existing fingerprint would change.
    switches = [None, wanted.provision_groups, wanted.exclusive]
    return hashlib.sha256(json.dumps([rows, attributes, switches], sort_keys=True).encode()).hexdigest()[:16]
