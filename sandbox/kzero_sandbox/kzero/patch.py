"""Interpret a SCIM PATCH in both of Entra's styles as changes by attribute key.

Style 1 (default): `Add`, `Replace`, `Remove`, a path each, booleans as strings. Style 2 (flag `aadOptscim062020`):
lower case, no path, dotted and URN keys.
https://learn.microsoft.com/entra/identity/app-provisioning/application-provisioning-config-problem-scim-compatibility
Pure; knows nothing of HTTP or Keycloak.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from scim2_models import Path
from scim2_models.exceptions import (
    InvalidPathException,
    InvalidSyntaxException,
    InvalidValueException,
    NoTargetException,
)
from scim2_models.path import AttrPath, CompareOperator, Comparison, ValuePath

from kzero_sandbox.kzero.paths import flatten, key, leaves

Changes = dict[str, Any]
"""New value by attribute key; None for an attribute that is removed."""


def operations(body: object) -> list[dict[str, Any]]:
    """Return a PATCH body's operations with `op` in lower case.

    Raises:
        InvalidSyntaxException: The body holds no list of operations.
        InvalidValueException: An operation is none of add, replace, remove.
    """
    found = next((v for k, v in body.items() if k.lower() == "operations"), None) if isinstance(body, Mapping) else None
    if not isinstance(found, list) or not all(isinstance(entry, Mapping) for entry in found):
        raise InvalidSyntaxException(detail="a PATCH needs a list named Operations")
    result = []
    for entry in found:
        op = str(entry.get("op", "")).lower()
        if op not in {"add", "replace", "remove"}:
            raise InvalidValueException(detail=f"operation {entry.get('op')!r} is none of add, replace, remove")
        result.append({**entry, "op": op})
    return result


def interpret(body: object) -> Changes:
    """Return what a PATCH of a user changes, later operations winning.

    Raises:
        SCIMException: Of the kind that RFC 7644 section 3.5.2 names.
    """
    changes: Changes = {}
    for operation in operations(body):
        for name, value in _changes_of(operation).items():
            changes.pop(name, None)  # keeps the order of the operations
            changes[name] = value
    return changes


def member_changes(body: object) -> tuple[Changes, list[tuple[str, list[str]]]]:
    """Return what a PATCH of a group changes: its plain attributes, and its members.

    Returns:
        The changes of attributes other than `members`; and in order (op, member ids): `add`, `remove`, `replace` with
        the whole set; `replace` with no ids empties the group.

    Raises:
        SCIMException: Of the kind that RFC 7644 section 3.5.2 names.
    """
    changes: Changes = {}
    members: list[tuple[str, list[str]]] = []
    for operation in operations(body):
        path = operation.get("path")
        plain = operation
        if isinstance(path, str) and key(path).partition("[")[0] == "members":
            members.append(_members_of(operation["op"], path, operation.get("value")))
            continue
        value = operation.get("value")
        if path is None and isinstance(value, Mapping) and "members" in value:
            members.append((operation["op"], _ids(value["members"])))
            plain = {**operation, "value": {k: v for k, v in value.items() if k != "members"}}
        changes.update(_changes_of(plain))
    return changes, members


def _changes_of(operation: Mapping[str, Any]) -> Changes:
    path, value = operation.get("path"), operation.get("value")
    if path is None or path == "":
        if operation["op"] == "remove":
            raise NoTargetException(detail="a remove operation needs a path")
        if not isinstance(value, Mapping):
            raise InvalidValueException(detail="an operation without a path needs an object as its value")
        return flatten(value)
    if not isinstance(path, str):
        raise InvalidPathException(detail=f"path {path!r} is no string")
    _check(path)
    if operation["op"] == "remove" or value is None:
        return {key(path): None}
    return {key(leaf): inner for leaf, inner in leaves(value, path)}


def _check(path: str) -> None:
    Path(path).ast  # noqa: B018 - raises InvalidPathException when it is none


def _members_of(op: str, path: str, value: object) -> tuple[str, list[str]]:
    node = Path(path).ast
    if isinstance(node, ValuePath):
        condition = node.val_filter
        if not (
            isinstance(condition, Comparison)
            and condition.op == CompareOperator.eq
            and condition.attr_path == AttrPath("value")
        ):
            raise InvalidPathException(detail=f'{path}: only members[value eq "id"] is understood')
        return op, [str(condition.value)]
    if op == "remove" and value is None:
        return "replace", []
    return op, _ids(value)


def _ids(value: object) -> list[str]:
    entries: Sequence[object] = value if isinstance(value, list) else [value]
    ids = [entry.get("value") if isinstance(entry, Mapping) else entry for entry in entries]
    if not all(isinstance(found, str) for found in ids):
        raise InvalidValueException(detail="each member needs a value, the user's id")
    return [str(found) for found in ids]
