"""Checks the shape of a ``synchronizationSchema`` document, as far as this project reads it. Pure: sends no request.

Fields that this project does not read may have any value. See
https://learn.microsoft.com/graph/api/resources/synchronization-synchronizationschema.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn

from kzero_scim.errors import ProviderError

_WORDS: Final[Mapping[type, str]] = {str: "a string", int: "a whole number", dict: "an object", list: "a list"}


def require_shape(document: object) -> None:
    """Check that a document has the documented shape.

    Raises:
        ProviderError: A part has another type. The message names its place.
    """
    if not isinstance(document, dict):
        _refuse("the document", document, dict)
    for path, rule in _objects(document, "synchronizationRules", ""):
        _fields(path, rule, int, "priority")
        for inner, mapping in _objects(rule, "objectMappings", path):
            for place, row in _objects(mapping, "attributeMappings", inner):
                _row(place, row)
    for path, directory in _objects(document, "directories", ""):
        for inner, definition in _objects(directory, "objects", path):
            for place, attribute in _objects(definition, "attributes", inner):
                _fields(place, attribute, str, "name", "type")


def _row(path: str, row: Mapping[str, Any]) -> None:
    _fields(path, row, str, "targetAttributeName", "defaultValue", "flowType", "flowBehavior")
    _fields(path, row, int, "matchingPriority")
    _fields(path, row, dict, "source")
    _fields(f"{path}.source", row.get("source") or {}, str, "type", "name", "expression")


def _objects(parent: Mapping[str, Any], key: str, path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    place = f"{path}.{key}".removeprefix(".")
    entries = parent.get(key)
    if entries is None:
        return
    if not isinstance(entries, list):
        _refuse(place, entries, list)
    for index, entry in enumerate(entries):
        if not isinstance(entry, dict):
            _refuse(f"{place}[{index}]", entry, dict)
        yield f"{place}[{index}]", entry


def _fields(path: str, parent: Mapping[str, Any], kind: type, *keys: str) -> None:
    for key in keys:
        value = parent.get(key)
        if value is not None and not isinstance(value, kind):
            _refuse(f"{path}.{key}", value, kind)


def _refuse(path: str, value: object, kind: type) -> NoReturn:
    found = "nothing" if value is None else _WORDS.get(type(value), f"a {type(value).__name__}")
    message = (
        f"the job's synchronization schema does not have the documented shape: {path} is {found} instead of "
        f"{_WORDS[kind]}; reset the schema in the portal (Restore default mappings), and check any proxy in between"
    )
    raise ProviderError(message)
