"""Describe a resource's properties, check inputs against them, and compare inputs with a state.

Does what `pulumi-terraform-bridge` and the Terraform SDK do for the official plugin, as far as the recordings and the
provider's source show. Must not know any resource or Graph.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from kzero_sandbox.azuread.structs import is_unknown

Values = dict[str, Any]
Kind = Literal["string", "boolean", "strings", "map", "object", "objects"]
Change = Literal["ADD", "DELETE", "UPDATE", "ADD_REPLACE", "DELETE_REPLACE", "UPDATE_REPLACE"]

DEFAULTS: Final = "__defaults"
"""The key, beside the inputs, for the names of those that the plugin filled in."""

UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


@dataclass(frozen=True, kw_only=True)
class Property:
    """One property of a resource.

    Attributes:
        name: The property's name in Pulumi.
        kind: `strings` is a set of strings, `object` a single block, `objects` a list of blocks.
        required: Whether a program must set it.
        optional: Whether a program may set it.
        computed: Whether the service sets a value if the program does not.
        force_new: Whether a change replaces the resource.
        default: The value that the plugin fills in if the program sets none.
        uuid: Whether its strings must be UUIDs.
        filled: Whether its string must not be empty.
        conflicts: The properties that cannot be set together with it.
        parts: The properties of a block.
    """

    name: str
    kind: Kind = "string"
    required: bool = False
    optional: bool = False
    computed: bool = False
    force_new: bool = False
    default: bool | None = None
    uuid: bool = False
    filled: bool = False
    conflicts: tuple[str, ...] = ()
    parts: tuple["Property", ...] = ()

    @property
    def is_input(self) -> bool:
        """Whether a program may set the property."""
        return self.required or self.optional


@dataclass(frozen=True, kw_only=True)
class Failure:
    """The reason why an input is invalid."""

    name: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Difference:
    """The changes that an update would make.

    Attributes:
        details: The kind of change by property path.
        replaces: Top-level properties whose change replaces the resource.
        stables: Properties that an update never changes.
    """

    details: dict[str, Change]
    replaces: list[str]
    stables: list[str]

    @property
    def names(self) -> list[str]:
        """The top-level properties that change."""
        return sorted({_top(path) for path in self.details})

    def deletes(self, name: str) -> bool:
        """Return whether the change deletes the whole property."""
        return self.details.get(name) in {"DELETE", "DELETE_REPLACE"}


def check(properties: Iterable[Property], news: Values, *, element: str) -> tuple[Values, list[Failure]]:
    """Return the inputs completed with defaults, and the reasons why inputs are invalid.

    Args:
        properties: The resource's properties.
        news: The program's inputs.
        element: The resource's name in the program, for the messages.

    Returns:
        The inputs with `__defaults`, and the failures.
    """
    inputs = _with_defaults(properties, news)
    failures = [failure for each in properties if each.is_input for failure in _failures(each, inputs, element)]
    return inputs, failures


def difference(
    properties: Iterable[Property], olds: Values, news: Values, *, ignored: Iterable[str] = ()
) -> Difference:
    """Return the changes from the state to the inputs.

    Args:
        properties: The resource's properties.
        olds: The state.
        news: The checked inputs.
        ignored: The property paths in `ignoreChanges`.
    """
    skipped = {_top(path) for path in ignored}
    details: dict[str, Change] = {}
    replaces: list[str] = []
    known = tuple(properties)
    for each in known:
        if not each.is_input or each.name in skipped:
            continue
        changes = _changes(each, olds.get(each.name), news.get(each.name))
        if each.force_new and changes:
            replaces.append(each.name)
            changes = {path: _replacing(change) for path, change in changes.items()}
        details |= changes
    stables = sorted(each.name for each in known if each.force_new)
    return Difference(details=details, replaces=sorted(replaces), stables=stables)


def is_empty(value: object) -> bool:
    """Return whether Terraform treats the value as not set."""
    if isinstance(value, Mapping):
        return all(is_empty(each) for name, each in value.items() if name != DEFAULTS)
    return value in (None, "", False, 0) or value == []


def _with_defaults(properties: Iterable[Property], news: Values) -> Values:
    parts = {each.name: each for each in properties}
    inputs = {
        name: _nested(parts[name], value) if name in parts else value
        for name, value in news.items()
        if name != DEFAULTS and value is not None
    }
    filled = [each.name for each in parts.values() if each.default is not None and each.name not in inputs]
    return inputs | {name: parts[name].default for name in filled} | {DEFAULTS: sorted(filled)}


def _nested(part: Property, value: object) -> object:
    if part.kind == "object" and isinstance(value, dict):
        return _with_defaults(part.parts, value)
    if part.kind == "objects" and isinstance(value, list):
        return [_with_defaults(part.parts, each) if isinstance(each, dict) else each for each in value]
    return value


def _failures(part: Property, inputs: Values, element: str) -> Iterable[Failure]:
    value = inputs.get(part.name)
    where = f"Examine values at '{element}.{part.name}'."
    if value is None:
        if part.required:
            reason = f'Missing required argument: "{part.name}" is required, but no definition was found. {where}'
            yield Failure(name=part.name, reason=reason)
        return
    if part.uuid:
        for each in value if isinstance(value, list) else [value]:
            if not is_unknown(each) and not UUID.fullmatch(str(each)):
                yield Failure(name=part.name, reason=f'"{part.name}" must be a UUID, got "{each}". {where}')
    if part.filled and value == "":
        yield Failure(name=part.name, reason=f'"{part.name}" must not be empty. {where}')
    for other in part.conflicts:
        if inputs.get(other) is not None:
            yield Failure(name=part.name, reason=f'"{part.name}" conflicts with "{other}": set one. {where}')


def _changes(part: Property, old: object, new: object) -> dict[str, Change]:
    if new is None:
        kept = part.computed or part.default is not None or is_empty(old)
        return {} if kept else {part.name: "DELETE"}
    if old is None:
        return {part.name: "ADD"} if not is_empty(new) or part.required else {}
    if is_unknown(new):
        return {part.name: "UPDATE"}
    if part.kind == "strings":
        return _set_changes(part.name, _strings(old), _strings(new))
    if part.kind == "object":
        return _block_changes(part, part.name, old, new)
    if part.kind == "objects":
        return _list_changes(part, old, new)
    return {part.name: "UPDATE"} if old != new else {}


def _set_changes(name: str, old: list[str], new: list[str]) -> dict[str, Change]:
    added: dict[str, Change] = {f"{name}[{index}]": "ADD" for index, each in enumerate(new) if each not in old}
    gone: dict[str, Change] = {f"{name}[{index}]": "DELETE" for index, each in enumerate(old) if each not in new}
    both: dict[str, Change] = dict.fromkeys(added.keys() & gone.keys(), "UPDATE")
    return added | gone | both


def _block_changes(part: Property, path: str, old: object, new: object) -> dict[str, Change]:
    before = old if isinstance(old, dict) else {}
    after = new if isinstance(new, dict) else {}
    changes: dict[str, Change] = {}
    for each in part.parts:
        default = each.default if each.default is not None else None
        was, will = before.get(each.name), after.get(each.name, default)
        if was != will and not (is_empty(was) and is_empty(will)):
            changes[f"{path}.{each.name}"] = "UPDATE"
    return changes


def _list_changes(part: Property, old: object, new: object) -> dict[str, Change]:
    before = old if isinstance(old, list) else []
    after = new if isinstance(new, list) else []
    changes: dict[str, Change] = {}
    for index in range(max(len(before), len(after))):
        path = f"{part.name}[{index}]"
        if index >= len(before):
            changes[path] = "ADD"
        elif index >= len(after):
            changes[path] = "DELETE"
        else:
            changes |= _block_changes(part, path, before[index], after[index])
    return changes


def _strings(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []


def _replacing(change: Change) -> Change:
    replacing: dict[Change, Change] = {"ADD": "ADD_REPLACE", "DELETE": "DELETE_REPLACE", "UPDATE": "UPDATE_REPLACE"}
    return replacing.get(change, change)


def _top(path: str) -> str:
    return re.split(r"[.\[]", path, maxsplit=1)[0]
