"""Interpret a SCIM PATCH in either of Entra's two formats as changes by attribute key.

Format 1 (default): `Add`, `Replace`, `Remove`, each with a path, and booleans as strings. Format 2 (with the flag
`aadOptscim062020`): operations in lower case, without a path, with dotted and URN keys.
https://learn.microsoft.com/entra/identity/app-provisioning/application-provisioning-config-problem-scim-compatibility
Pure; must not know HTTP or Keycloak.
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

_MULTIVALUED = frozenset(
    {"addresses", "emails", "entitlements", "groups", "ims", "members", "phonenumbers", "photos", "roles"}
    | {"x509certificates"}
)
_COMPLEX = frozenset({"manager", "name"})
Changes = dict[str, Any]
"""The new values by attribute key; None removes an attribute."""


def operations(body: object) -> list[dict[str, Any]]:
    """Return a PATCH body's operations with `op` in lower case.

    Raises:
        InvalidSyntaxException: The body has no list of operations.
        InvalidValueException: An operation is not add, replace or remove.
    """
    found = next((v for k, v in body.items() if k.lower() == "operations"), None) if isinstance(body, Mapping) else None
    if not isinstance(found, list) or not all(isinstance(entry, Mapping) for entry in found):
        raise InvalidSyntaxException(detail="a PATCH needs a list named Operations")
    result = []
    for entry in found:
        op = str(entry.get("op", "")).lower()
        if op not in {"add", "replace", "remove"}:
            raise InvalidValueException(detail=f"operation {entry.get('op')!r} is not add, replace or remove")
        result.append({**entry, "op": op})
    return result


def interpret(body: object) -> Changes:
    """Return the changes that a PATCH makes to a user; later operations override earlier ones.

    Raises:
        SCIMException: The body is invalid; the type is the one that RFC 7644 section 3.5.2 defines.
    """
    changes: Changes = {}
    for operation in operations(body):
        for name, value in _changes_of(operation).items():
            changes.pop(name, None)  # keeps the order of the operations
            changes[name] = value
    return changes


def member_changes(body: object) -> tuple[Changes, list[tuple[str, list[str]]]]:
    """Return the changes that a PATCH makes to a group's plain attributes and to its members.

    Returns:
        The changes of attributes other than `members`, and the member changes in order as (op, member ids). `replace`
        sets all members; `replace` without ids removes all of them.

    Raises:
        SCIMException: The body is invalid; the type is the one that RFC 7644 section 3.5.2 defines.
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
        raise InvalidPathException(detail=f"path {path!r} is not a string")
    _check(path)
    if operation["op"] == "remove" or value is None:
        return {key(path): None}
    if isinstance(value, list):
        value = _single(path, value)
    return {key(leaf): inner for leaf, inner in leaves(value, path)}


def _single(path: str, values: list[Any]) -> object:
    """Return the value of a single-valued attribute that is sent as a list with one entry; a list of others.

    Raises:
        InvalidValueException: The list has several entries.
    """
    name = key(path).partition("[")[0].rpartition(":")[2]
    if name in _MULTIVALUED:
        return values
    if len(values) != 1:
        raise InvalidValueException(detail=f"{path} has one value, but the request sends {len(values)}")
    [value] = values
    is_plain = isinstance(value, Mapping) and "value" in value and name not in _COMPLEX
    return value["value"] if is_plain else value


def _check(path: str) -> None:
    Path(path).ast  # noqa: B018 - raises InvalidPathException for an invalid path


def _members_of(op: str, path: str, value: object) -> tuple[str, list[str]]:
    node = Path(path).ast
    if isinstance(node, ValuePath):
        condition = node.val_filter
        if not (
            isinstance(condition, Comparison)
            and condition.op == CompareOperator.eq
            and condition.attr_path == AttrPath("value")
        ):
            raise InvalidPathException(detail=f'{path}: only members[value eq "id"] is supported')
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
