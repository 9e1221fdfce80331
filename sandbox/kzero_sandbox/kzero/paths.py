"""Flatten SCIM resources and PATCH values to their leaves, with one key per attribute.

Entra addresses an attribute in several ways: nested, dotted, by URN, or through a value filter. After flattening, each
attribute has one key, whichever way was used. Pure; must not know HTTP or Keycloak.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from scim2_models import Path
from scim2_models.exceptions import InvalidPathException
from scim2_models.path import AttrPath, PathNode, ValuePath

CORE_USER = "urn:ietf:params:scim:schemas:core:2.0:User"
CORE_GROUP = "urn:ietf:params:scim:schemas:core:2.0:Group"
ENTERPRISE_USER = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

_CORE_PREFIXES = (f"{CORE_USER}:".lower(), f"{CORE_GROUP}:".lower())
_NOT_ATTRIBUTES = frozenset({"schemas", "id", "meta"})


def key(path: str) -> str:
    r"""Return the key of a path: in lower case, without extra spaces and without a claim name's escapes (`2\.0`).

    A text that is not a SCIM path is its own key, so that an unusual claim name matches nothing.
    """
    node = parsed(path)
    folded = (str(node) if node is not None else _unescaped(path)).lower()
    for prefix in _CORE_PREFIXES:
        folded = folded.removeprefix(prefix)
    return folded


def parsed(path: str) -> PathNode | None:
    r"""Return the tree of a path without a claim name's escapes (`2\.0`), or None if it is not a SCIM path."""
    try:
        return Path[Any](_unescaped(path)).ast
    except InvalidPathException:
        return None


def leaves(value: object, path: str) -> Iterator[tuple[str, Any]]:
    """Yield (path, plain value) for every leaf of a value at a path."""
    if isinstance(value, Mapping):
        # An extension's URN contains attributes; an attribute contains sub-attributes.
        glue = ":" if _is_schema(path) else "."
        for name, inner in value.items():
            yield from leaves(inner, f"{path}{glue}{name}")
    elif isinstance(value, list) and any(isinstance(entry, Mapping) for entry in value):
        for entry in value:
            yield from _entry_leaves(entry, path)
    else:
        yield path, value


def flatten(resource: Mapping[str, Any]) -> dict[str, Any]:
    """Return the leaves, by key, of a resource or of the value of a PATCH operation without a path."""
    flat: dict[str, Any] = {}
    for name, value in resource.items():
        if name.lower() not in _NOT_ATTRIBUTES:
            flat.update((key(path), leaf) for path, leaf in leaves(value, name))
    return flat


def covers(outer: str, inner: str) -> bool:
    """Return whether a key equals or contains another one: `name` covers `name.givenname`."""
    return inner == outer or inner.startswith((f"{outer}.", f"{outer}[", f"{outer}:"))


def place(resource: dict[str, Any], path: str, value: object) -> None:
    """Set a value in a nested resource at a path; the reverse of `flatten`.

    A value filter of the form `attribute[type eq "x"].sub` finds or creates the entry of that type. A text that is not
    a SCIM path becomes an attribute with that name.
    """
    node = parsed(path)
    target = node.attr_path if isinstance(node, ValuePath) else node
    if not isinstance(target, AttrPath):
        resource[_unescaped(path)] = value
        return
    holder = resource
    if target.uri and key(f"{target.uri}:x") != "x":
        holder = resource.setdefault(target.uri, {})
    if isinstance(node, ValuePath):
        entry = _entry_of_type(holder, target.attr, str(node.val_filter))
        entry[node.sub_attr or "value"] = value
    elif target.sub_attr:
        holder.setdefault(target.attr, {})[target.sub_attr] = value
    else:
        holder[target.attr] = value


def _unescaped(path: str) -> str:
    return path.replace("\\.", ".").strip()


def _is_schema(path: str) -> bool:
    # "urn:…:2.0:User" is a schema, "urn:…:2.0:User:manager" an attribute of it.
    return path.lower().startswith("urn:") and path.rpartition(":")[2].lower() in {"user", "group"}


def _entry_leaves(entry: object, path: str) -> Iterator[tuple[str, Any]]:
    if not isinstance(entry, Mapping):
        yield path, entry
        return
    kind = entry.get("type")
    here = f'{path}[type eq "{kind}"]' if isinstance(kind, str) and '"' not in kind else path
    for name, value in entry.items():
        if name != "type":
            yield from leaves(value, f"{here}.{name}")


def _entry_of_type(holder: dict[str, Any], attribute: str, condition: str) -> dict[str, Any]:
    entries: list[dict[str, Any]] = holder.setdefault(attribute, [])
    name, _, operand = condition.partition(" eq ")
    wanted = operand.strip('"')
    for entry in entries:
        if entry.get(name) == wanted:
            return entry
    entries.append({name: wanted})
    return entries[-1]
