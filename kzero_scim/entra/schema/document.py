"""Reads rows and attributes from Graph's ``synchronizationSchema`` document. Pure: sends no request, changes nothing.

Rules, object mappings and directories are found by what they connect, never by IDs or directory names, which differ
between tenants. See
https://learn.microsoft.com/graph/api/resources/synchronization-synchronizationschema.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from kzero_scim.entra.schema.shape import require_shape
from kzero_scim.errors import ProviderError
from kzero_scim.mapping.attribute_mapping import canonical, lookup, normalise_expression, same
from kzero_scim.settings.items import AttributeType, CustomAttribute, FlowBehavior, FlowType, Row

Document = dict[str, Any]
Kind = Literal["User", "Group"]


@dataclass(frozen=True)
class Place:
    """The parts of a document that describe one kind of object. These are the parts themselves, not copies."""

    rule: Document
    mapping: Document
    source: Document
    target: Document

    @property
    def rows(self) -> list[Document]:
        """The attribute mappings."""
        return cast("list[Document]", entries(self.mapping, "attributeMappings"))

    @property
    def attributes(self) -> list[Document]:
        """The definitions of the target object's attributes."""
        return cast("list[Document]", entries(self.target, "attributes"))


def rule_id(document: Document) -> str:
    """Return the ID of the rule that provisions users, which on-demand provisioning needs."""
    return str(locate(document, "User").rule.get("id", ""))


def extract(document: Document, targets: Sequence[str], spelled: Mapping[str, Row] | None = None) -> dict[str, Row]:
    """Return the rows of some target attributes.

    Args:
        document: The schema.
        targets: The attributes' names, in any case. Names without a row are omitted.
        spelled: Rows that replace the document's rows of the same meaning, to keep their spelling.
    """
    present = {key_of(row): row for row in locate(document, "User").rows}
    found: dict[str, Row] = {}
    for target in targets:
        if (mapping := present.get(target.casefold())) is not None:
            row = read_row(mapping)
            known = lookup(spelled or {}, target)
            found[target] = known[1] if known is not None and same(known[1], row) else row
    return found


def all_targets(document: Document) -> list[str]:
    """Return the names of the target attributes of all rows for users."""
    return [name_of(row) for row in locate(document, "User").rows]


def unowned_targets(document: Document, owned: Sequence[str]) -> list[str]:
    """Return the names of the target attributes of rows that the stack does not own, sorted."""
    folded = {target.casefold() for target in owned}
    return sorted(target for target in all_targets(document) if target.casefold() not in folded)


def removable_targets(document: Document, owned: Mapping[str, Row]) -> list[str]:
    """Return the names of the rows that an exclusive set removes.

    A row that the stack does not own stays if Entra needs it: Entra matches existing users with it (unless an owned
    row has the same matching priority), or its target attribute is required or the anchor.
    """
    place = locate(document, "User")
    needed = {key_of(item) for item in place.attributes if item.get("required") or item.get("anchor")}
    taken = {row.matching_priority for row in owned.values() if row.matching_priority > 0}
    folded = {target.casefold() for target in owned}
    return [
        name_of(row)
        for row in place.rows
        if key_of(row) not in folded
        and key_of(row) not in needed
        and (priority_of(row) == 0 or priority_of(row) in taken)
    ]


def custom_attributes(document: Document, names: Sequence[str]) -> list[CustomAttribute]:
    """Return the definitions of some custom target attributes. Undefined ones are omitted."""
    present = {key_of(item): item for item in locate(document, "User").attributes}
    return [
        CustomAttribute(
            name=name,
            type=cast("AttributeType", item.get("type") or "String"),
            case_exact=bool(item.get("caseExact")),
        )
        for name in names
        if (item := present.get(name.casefold())) is not None
    ]


def is_enabled(document: Document, kind: Kind) -> bool | None:
    """Return whether users or groups are provisioned, or None if the document has no such object mapping."""
    place = find(document, kind)
    return None if place is None else bool(place.mapping.get("enabled", True))


def missing_expressions(document: Document, rows: Mapping[str, Row]) -> list[str]:
    """Return the expressions that Entra must parse, because the document does not contain them in parsed form."""
    known = parsed_functions(document)
    wanted = (canonical(row).expression for row in rows.values())
    return list(dict.fromkeys(text for text in wanted if text is not None and normalise_expression(text) not in known))


def dump(part: Document | None) -> str:
    """Return a part of a document as JSON, for the state; ``null`` for None."""
    return json.dumps(part, sort_keys=True, separators=(",", ":"))


def load(text: str) -> Document | None:
    """Return the part of a document from the JSON of :func:`dump`."""
    return cast("Document | None", json.loads(text))


def writable(document: Document) -> Document:
    """Return a copy of a document, with empty lists in place of missing lists of rows and attributes."""
    copied = copy.deepcopy(document)
    for kind in ("User", "Group"):
        if (place := find(copied, kind)) is not None:
            place.mapping["attributeMappings"] = place.rows
            place.target["attributes"] = place.attributes
    return copied


def locate(document: Document, kind: Kind) -> Place:
    """Return the rule and object mapping that provision one kind of object.

    Raises:
        ProviderError: The document has none.
    """
    place = find(document, kind)
    if place is None:
        message = (
            f"the job's synchronization schema does not map the Entra object {kind!r} to a SCIM {kind}; "
            "use a job of template 'scim'"
        )
        raise ProviderError(message)
    return place


def find(document: Document, kind: Kind) -> Place | None:
    """Return the rule and object mapping that provision one kind of object, or None.

    Raises:
        ProviderError: The document does not have the documented shape.
    """
    require_shape(document)
    rules = sorted(entries(document, "synchronizationRules"), key=lambda rule: rule.get("priority") or 0)
    for rule in rules:
        for mapping in entries(rule, "objectMappings"):
            source, target = str(mapping.get("sourceObjectName")), str(mapping.get("targetObjectName"))
            if source.casefold() == kind.casefold() and target.rsplit(":", 1)[-1].casefold() == kind.casefold():
                return Place(
                    rule,
                    mapping,
                    _object(document, str(rule.get("sourceDirectoryName")), source),
                    _object(document, str(rule.get("targetDirectoryName")), target),
                )
    return None


def _object(document: Document, directory_name: str, object_name: str) -> Document:
    for directory in entries(document, "directories"):
        if directory.get("name") == directory_name:
            for definition in entries(directory, "objects"):
                if definition.get("name") == object_name:
                    return cast("Document", definition)
    message = (
        f"the job's synchronization schema has no object {object_name!r} in directory {directory_name!r}, which its "
        "rule names; reset the schema in the portal (Restore default mappings)"
    )
    raise ProviderError(message)


def entries(parent: Document, key: str) -> list[Any]:
    """Return a list of the document, or a new empty list if it is missing or null."""
    value = parent.get(key)
    return value if isinstance(value, list) else []


def name_of(part: Mapping[str, Any]) -> str:
    """Return the name of an attribute definition, or the target of an attribute mapping."""
    return str(part.get("targetAttributeName") or part.get("name") or "")


def key_of(part: Mapping[str, Any]) -> str:
    """Return that name for comparison: SCIM ignores case."""
    return name_of(part).casefold()


def priority_of(row: Mapping[str, Any]) -> int:
    """Return the matching priority of an attribute mapping; 0 if it is not used for matching."""
    return int(row.get("matchingPriority") or 0)


def read_row(mapping: Document) -> Row:
    """Return one attribute mapping as a row."""
    source = mapping.get("source") or {}
    default = mapping.get("defaultValue") or None
    kind, name = source.get("type"), source.get("name")
    given: dict[str, str | None]
    if not source:
        # Graph's older form of a constant: no source, and the text as the default.
        given, default = {"constant": str(default or "")}, None
    elif kind == "Attribute":
        given = {"source": name}
    elif kind == "Constant":
        given = {"constant": "" if name is None else str(name)}
    else:
        given = {"expression": source.get("expression") or ""}
    return Row(
        source=given.get("source"),
        expression=given.get("expression"),
        constant=given.get("constant"),
        default_value=default,
        matching_priority=priority_of(mapping),
        flow_type=cast("FlowType", mapping.get("flowType") or "Always"),
        flow_behavior=cast("FlowBehavior", mapping.get("flowBehavior") or "FlowWhenChanged"),
    )


def parsed_functions(document: Document) -> dict[str, Document]:
    """Return the functions that the document contains in parsed form, by normalized expression."""

    def sources(node: object) -> Iterator[Document]:
        if isinstance(node, dict):
            if node.get("type") == "Function" and node.get("expression"):
                yield node
            for value in node.values():
                yield from sources(value)
        elif isinstance(node, list):
            for value in node:
                yield from sources(value)

    rules = entries(document, "synchronizationRules")
    return {
        normalise_expression(source["expression"]): source
        for source in sources(rules)
        if isinstance(source["expression"], str)
    }
