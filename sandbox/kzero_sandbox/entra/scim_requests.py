"""Bodies of SCIM requests in the provisioning service's two formats.

Without a flag: operations `Add` and `Replace`, one attribute each, Booleans as the words "True" and "False".
With aadOptscim062020: operations in lower case, real Booleans, and several plain attributes in one operation that has
no path.
Follows learn.microsoft.com/entra/identity/app-provisioning/application-provisioning-config-problem-scim-compatibility.
Must not know HTTP or the directory.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .default_schema import SCIM_GROUP, SCIM_USER

Json = dict[str, Any]
CORE_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
PATCH_OPERATION = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
_VALUE_PATH = re.compile(r'(?P<name>\w+)\[(?P<key>\w+) eq "?(?P<kind>[^"\]]+)"?\](?:\.(?P<part>\w+))?')


@dataclass(frozen=True)
class Change:
    """One attribute to set at the target."""

    path: str
    value: Any
    """A string, a Boolean, or the target's id of a referenced object."""
    present: bool
    """Whether the target already has a value, which the change replaces."""
    reference: bool = False


def _split_urn(path: str) -> tuple[str | None, str]:
    if path.lower().startswith("urn:"):
        extension, _, name = path.rpartition(":")
        return extension, name
    return None, path


def build_user(values: Mapping[str, Any]) -> Json:
    """Return the body that creates a user.

    `schemas` does not list the URN of a custom extension: customize-application-attributes, "custom extension".
    """
    body: Json = {"schemas": [CORE_USER, SCIM_USER], "meta": {"resourceType": "User"}}
    for path, value in values.items():
        _put(body, path, value)
    return body


def build_group(values: Mapping[str, Any]) -> Json:
    """Return the body that creates a group, without its members, which PATCH adds later."""
    body: Json = {"schemas": [SCIM_GROUP], "meta": {"resourceType": "Group"}}
    for path, value in values.items():
        _put(body, path, value)
    return body


def _put(body: Json, path: str, value: Any) -> None:  # noqa: ANN401 - JSON
    extension, name = _split_urn(path)
    holder = body if extension is None else body.setdefault(extension, {})
    match = _VALUE_PATH.fullmatch(name)
    if match:
        _put_in_list(holder, match, value)
        return
    *parents, last = name.split(".")
    for parent in parents:
        holder = holder.setdefault(parent, {})
    holder[last] = value


def _put_in_list(holder: Json, match: re.Match[str], value: Any) -> None:  # noqa: ANN401 - JSON
    entries = holder.setdefault(match["name"], [])
    for entry in entries:
        if entry.get(match["key"]) == match["kind"]:
            entry[match["part"] or "value"] = value
            return
    first = {"primary": True} if match["key"] == "type" and match["kind"] == "work" else {}
    entries.append({**first, match["key"]: match["kind"], match["part"] or "value": value})


def read_value(resource: Mapping[str, Any], path: str) -> Any:  # noqa: ANN401 - JSON
    """Return the value of a resource's target attribute, or None if it has none."""
    extension, name = _split_urn(path)
    holder: Any = resource if extension is None else _member(resource, extension)
    match = _VALUE_PATH.fullmatch(name)
    if match:
        entries = _member(holder, match["name"])
        for entry in entries if isinstance(entries, list) else []:
            if isinstance(entry, dict) and str(entry.get(match["key"])).lower() == match["kind"].lower():
                return entry.get(match["part"] or "value")
        return None
    for part in name.split("."):
        holder = _member(holder, part)
    # A reference is an object that contains the id, or a list with one such object.
    if isinstance(holder, list) and len(holder) == 1:
        holder = holder[0]
    return holder.get("value") if isinstance(holder, dict) else holder


def _member(holder: Any, name: str) -> Any:  # noqa: ANN401 - JSON
    if not isinstance(holder, Mapping):
        return None
    if name in holder:
        return holder[name]
    return next((value for key, value in holder.items() if key.lower() == name.lower()), None)


def patch_body(changes: Sequence[Change], address: str, *, compliant: bool) -> Json:
    """Return the body that makes the changes.

    Args:
        changes: The attributes to set.
        address: The Tenant URL's address, for links to referenced users.
        compliant: Whether to use the format of aadOptscim062020.
    """
    operations = [_operation(change, address, compliant=compliant) for change in changes]
    if compliant:
        operations = _gathered(changes, operations)
    return {"schemas": [PATCH_OPERATION], "Operations": operations}


def _operation(change: Change, address: str, *, compliant: bool) -> Json:
    verb = "Replace" if change.present else "Add"
    value = change.value
    if change.reference:
        # Both formats send the enterprise manager as a bare string, although RFC 7643 defines it as an object
        # (apache/directory-scimple issue 1242, Captain-P-Goldfish/SCIM-SDK issue 686). The core `manager` in
        # Microsoft's own sample is a list with a link.
        verb = "Add"
        if ":" not in change.path:
            value = [{"$ref": f"{address}/Users/{change.value}", "value": change.value}]
    elif isinstance(value, bool) and not compliant:
        value = str(value)
    return {"op": verb.lower() if compliant else verb, "path": change.path, "value": value}


def _gathered(changes: Sequence[Change], operations: list[Json]) -> list[Json]:
    plain = [
        operation
        for change, operation in zip(changes, operations, strict=True)
        if change.present and not change.reference and not isinstance(change.value, bool) and "[" not in change.path
    ]
    if len(plain) < 2:  # noqa: PLR2004 - a single operation keeps its path
        return operations
    gathered = {"op": "replace", "value": {operation["path"]: operation["value"] for operation in plain}}
    return [*(operation for operation in operations if operation not in plain), gathered]


def member_changes(added: Sequence[str], removed: Sequence[str], *, compliant: bool) -> list[Json]:
    """Return the PATCH bodies that add and remove members of a group."""
    operations: list[Json] = []
    if added:
        value = [{"value": member} for member in added]
        operations.append({"op": "add" if compliant else "Add", "path": "members", "value": value})
    if removed and compliant:
        operations += [{"op": "remove", "path": f'members[value eq "{member}"]'} for member in removed]
    elif removed:
        operations.append({"op": "Remove", "path": "members", "value": [{"value": member} for member in removed]})
    return [{"schemas": [PATCH_OPERATION], "Operations": [operation]} for operation in operations]
