"""The entries that `pulumi-terraform-bridge` adds to a state, in the format that the official plugin writes.

A stack that the stand-in made must look like one that the official plugin made, and the reverse.
Must not know any resource or Graph.
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from kzero_sandbox.azuread.properties import DEFAULTS, Property, Values, is_empty

META: Final = "__meta"
RAW_STATE_DELTA: Final = "__pulumi_raw_state_delta"

TIMEOUTS_KEY: Final = "e2bfb730-ecaa-11e6-8f88-34363bc7c4c0"
"""The Terraform SDK's key for a resource's timeouts in its private data."""

NEW_EXTRA_KEY: Final = "_new_extra_shim"
"""The Terraform SDK's marker of a plan, as opposed to a state."""

SECOND: Final = 1_000_000_000
"""One second in nanoseconds, Go's unit of a duration."""


def meta(timeouts: Mapping[str, int], *, schema_version: str | None = None, planned: bool = False) -> str:
    """Return the `__meta` entry of a state or of a plan.

    Args:
        timeouts: Seconds by operation.
        schema_version: The version of the resource's schema; None if the official plugin omits it.
        planned: Whether the entry belongs to a preview.
    """
    content: dict[str, Any] = {NEW_EXTRA_KEY: {}} if planned else {}
    content[TIMEOUTS_KEY] = {name: seconds * SECOND for name, seconds in sorted(timeouts.items())}
    if schema_version is not None:
        content["schema_version"] = schema_version
    return json.dumps(content, separators=(",", ":"))


def schema_version(state: Mapping[str, Any]) -> str | None:
    """Return the schema version that a state contains."""
    try:
        found = json.loads(state.get(META, "{}")).get("schema_version")
    except (ValueError, AttributeError):
        return None
    return None if found is None else str(found)


def raw_state_delta(properties: Iterable[Property], state: Values) -> Values:
    """Return how Pulumi's form of a state differs from Terraform's: its objects, lists, maps and single blocks."""
    return _object_delta(properties, state)


def inputs_refreshed(inputs: Values, state: Values) -> Values:
    """Return the inputs that a program set, with their current values."""
    refreshed: Values = {}
    for name, old in inputs.items():
        refreshed[name] = old if name == DEFAULTS else _refreshed(old, state.get(name, old))
    return refreshed


def inputs_imported(properties: Iterable[Property], state: Values) -> Values:
    """Return the inputs that describe the existing resource, for a program that imports it.

    Of properties that conflict with each other (`featureTags`, `features`, `tags`), only the first by name.
    """
    imported: Values = {DEFAULTS: []}
    for each in sorted(properties, key=lambda each: each.name):
        value = state.get(each.name)
        is_set = each.optional and not is_empty(value) and value != each.default
        if each.required or (is_set and not imported.keys() & set(each.conflicts)):
            imported[each.name] = _without_empty(value or []) if each.kind == "objects" else value
    return imported


def _without_empty(blocks: list[Values]) -> list[Values]:
    return [{DEFAULTS: [], **{name: value for name, value in block.items() if not is_empty(value)}} for block in blocks]


def _refreshed(old: object, new: object) -> object:
    if isinstance(old, dict) and isinstance(new, dict):
        return inputs_refreshed(old, new)
    if isinstance(old, list) and isinstance(new, list) and old and isinstance(old[0], dict):
        return [_refreshed(old[index] if index < len(old) else each, each) for index, each in enumerate(new)]
    return new


def _object_delta(properties: Iterable[Property], values: Values) -> Values:
    parts: Values = {}
    for each in properties:
        value = values.get(each.name)
        if value is None:
            continue
        if each.kind == "map":
            parts[each.name] = {"map": {}}
        elif each.kind == "strings":
            parts[each.name] = {"arr": {}}
        elif each.kind == "object":
            parts[each.name] = {"plu": {"i": _object_delta(each.parts, value)}}
        elif each.kind == "objects":
            elements = {str(index): _object_delta(each.parts, element) for index, element in enumerate(value)}
            parts[each.name] = {"arr": {"el": elements}} if elements else {"arr": {}}
    return {"obj": {"ps": parts}} if parts else {"obj": {}}
