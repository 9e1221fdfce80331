"""Compute the attribute values to provision: source attributes of directory objects, and the schema's mappings.

Pure: reads the directory and a schema, and must not know SCIM requests.
"""

import re
from dataclasses import dataclass
from typing import Any, Self

from .directory import Directory, Json
from .expressions import Value, attribute_names, evaluate

_GRAPH_NAMES = {
    "facsimileTelephoneNumber": "faxNumber",
    "mobile": "mobilePhone",
    "objectId": "id",
    "physicalDeliveryOfficeName": "officeLocation",
}
"""Names in the synchronization schema that Graph's user resource spells differently."""
_SOFT_DELETED = "IsSoftDeleted"
Entry = dict[str, Value]


def _word(value: Any) -> Value:  # noqa: ANN401 - a JSON value
    if isinstance(value, bool):
        return str(value)
    if isinstance(value, list):
        return [str(item) for item in value]
    return str(value) if value not in (None, "") else None


def _without_tenant(principal_name: str) -> str:
    """Return a guest's user principal name without #EXT# and the tenant's domain, as Entra provisions it."""
    local, mark, _ = principal_name.partition("#EXT#@")
    return "@".join(local.rsplit("_", 1)) if mark else principal_name


def user_entry(directory: Directory, user_id: str, *, entitled: bool) -> Entry:
    """Return the source attributes of a user.

    IsSoftDeleted is true for its documented causes: the user is deleted, disabled or out of scope.
    """
    user = directory.users.get(user_id) or directory.deleted_users[user_id]
    deleted = user_id in directory.deleted_users or not user["accountEnabled"] or not entitled
    entry: Entry = {name: _word(value) for name, value in user.items() if not isinstance(value, dict)}
    entry.update({name: _word(value) for name, value in user["onPremisesExtensionAttributes"].items()})
    entry.update({name: _word(user.get(graph)) for name, graph in _GRAPH_NAMES.items()})
    phones = user.get("businessPhones") or [None]
    entry["telephoneNumber"] = _word(phones[0])
    entry["originalUserPrincipalName"] = entry["userPrincipalName"]
    entry["userPrincipalName"] = _without_tenant(str(user["userPrincipalName"]))
    entry["manager"] = directory.managers.get(user_id)
    entry[_SOFT_DELETED] = str(deleted)
    entry["appRoleAssignments"] = ["User"] if entitled else []
    return entry


def group_entry(directory: Directory, group_id: str) -> Entry:
    """Return the source attributes of a group."""
    group = directory.groups[group_id]
    entry: Entry = {name: _word(value) for name, value in group.items()}
    entry["objectId"] = group_id
    entry["members"] = list(directory.members.get(group_id, []))
    return entry


@dataclass(frozen=True)
class Row:
    """One attributeMapping, with the properties of its target attribute from the target directory."""

    target: str
    source: Json
    default: str | None
    priority: int
    flow_type: str
    boolean: bool
    reference: bool
    case_exact: bool

    def value(self, entry: Entry) -> Any:  # noqa: ANN401 - a string, a Boolean or nothing
        """Return the value to send, or None to send nothing, because nulls are not provisioned."""
        found = evaluate(self.source, entry)
        if found in (None, "", []):
            found = self.default
        if self.boolean and isinstance(found, str):
            return found.lower() == "true"
        return found

    @property
    def of_soft_deletion(self) -> bool:
        """Whether the row reads IsSoftDeleted, so that it also applies to users that are out of scope."""
        return _SOFT_DELETED in attribute_names(self.source)


@dataclass(frozen=True)
class Flow:
    """The object mapping of one kind of object."""

    enabled: bool
    rows: tuple[Row, ...]
    rule_id: str
    flow_types: frozenset[str] = frozenset({"Add", "Update", "Delete"})
    scope: tuple[tuple[Json, ...], ...] = ()
    """Groups of clauses. A user in scope meets all clauses of at least one group; without groups, every user does."""

    @classmethod
    def of(cls, schema: Json, kind: str) -> Self:
        """Read the mapping of `User` or `Group`; without a mapping in the schema, nothing is mapped."""
        for rule in schema["synchronizationRules"]:
            for mapping in rule["objectMappings"]:
                if mapping["sourceObjectName"] == kind:
                    target = _target_attributes(schema, rule, mapping)
                    rows = tuple(_row(item, target) for item in mapping["attributeMappings"])
                    types = frozenset(part.strip() for part in str(mapping.get("flowTypes") or "").split(","))
                    groups = (mapping.get("scope") or {}).get("groups") or []
                    scope = tuple(tuple(group.get("clauses") or ()) for group in groups)
                    return cls(mapping["enabled"], rows, rule["id"], types, scope)
        return cls(enabled=False, rows=(), rule_id="")

    @property
    def matching(self) -> list[Row]:
        """The rows that match existing objects, in order of precedence."""
        return sorted((row for row in self.rows if row.priority > 0), key=lambda row: row.priority)

    def values(self, entry: Entry, *, creating: bool) -> dict[str, Any]:
        """Return the values of all attributes except references, by target."""
        found = {}
        for row in self.rows:
            if row.reference or (row.flow_type == "ObjectAddOnly" and not creating):
                continue
            value = row.value(entry)
            if value is not None:
                found[row.target] = value
        return found

    def deactivation(self, entry: Entry) -> dict[str, Any]:
        """Return the values for a user that is out of scope: only those of rows that read IsSoftDeleted."""
        return {row.target: row.value(entry) for row in self.rows if row.of_soft_deletion}

    def in_scope(self, entry: Entry) -> bool:
        """Return whether an object passes the mapping's scoping filters."""
        return not self.scope or any(all(_meets(clause, entry) for clause in group) for group in self.scope)

    def same(self, target: str, held: Any, wanted: Any) -> bool:  # noqa: ANN401 - JSON values
        """Return whether two values of a target attribute are equal, ignoring case where the schema says so."""
        exact = any(row.target == target and row.case_exact for row in self.rows)
        if isinstance(wanted, bool) or (isinstance(held, str) and isinstance(wanted, str) and not exact):
            return str(held).casefold() == str(wanted).casefold()
        return bool(held == wanted)

    def add_only(self, target: str) -> bool:
        """Return whether the row must not overwrite a value that the target already has."""
        return any(row.target == target and row.flow_type == "AttributeAddOnly" for row in self.rows)

    def references(self) -> list[Row]:
        """Return the rows whose target refers to another object."""
        return [row for row in self.rows if row.reference]


def _meets(clause: Json, entry: Entry) -> bool:
    held = entry.get(clause["sourceOperandName"])
    text = "" if held is None else str(held)
    values = [str(value) for value in (clause.get("targetOperand") or {}).get("values") or []]
    operator = " ".join(str(clause.get("operatorName", "")).replace("_", " ").upper().split())
    if operator.startswith(("NOT ", "IS NOT ")):
        positive = operator.removeprefix("NOT ") if operator.startswith("NOT ") else operator.replace("IS NOT", "IS")
        return not _meets({**clause, "operatorName": positive}, entry)
    match operator:
        case "EQUALS":
            return text.casefold() in {value.casefold() for value in values}
        case "REGEX MATCH":
            return any(re.fullmatch(value, text) for value in values)
        case "IS NULL":
            return not text
        case "IS TRUE" | "IS FALSE":
            return text.casefold() == operator.removeprefix("IS ").casefold()
        case _:
            return False


def _target_attributes(schema: Json, rule: Json, mapping: Json) -> dict[str, Json]:
    for directory in schema["directories"]:
        if directory["name"] == rule["targetDirectoryName"]:
            for item in directory["objects"]:
                if item["name"] == mapping["targetObjectName"]:
                    return {attribute["name"]: attribute for attribute in item["attributes"]}
    return {}


def _row(mapping: Json, target: dict[str, Json]) -> Row:
    name = mapping["targetAttributeName"]
    definition = target.get(name, {})
    # The guide's core `manager` may have been added as a plain string. Its source is still a reference, so only an id
    # that the target knows is a valid value.
    from_reference = mapping["source"].get("type") == "Attribute" and mapping["source"].get("name") in {
        "manager",
        "members",
    }
    return Row(
        target=name,
        source=mapping["source"],
        default=mapping.get("defaultValue"),
        priority=mapping.get("matchingPriority", 0),
        flow_type=mapping.get("flowType", "Always"),
        boolean=definition.get("type") == "Boolean",
        reference=definition.get("type") == "Reference" or from_reference,
        case_exact=bool(definition.get("caseExact")),
    )
