"""Reads property paths in the engine's notation, such as ``mappers.status.claimJsonType`` and ``rows["a.b"][0]``.

The notation is that of `sdk/go/common/resource/property_path.go`; :func:`kzero_scim.resource.model.path_key` writes it.
"""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import Final

_ELEMENT: Final = re.compile(r'\["((?:\\"|[^"])*)"\]|\[(\d+|\*)\]|\.?([^.\[\]"]+)')


def parse_path(path: str) -> tuple[str, ...]:
    """Split a path into its keys, indices and ``*`` wildcards, all as strings.

    Raises:
        ValueError: The text is not a property path.
    """
    elements: list[str] = []
    position = 0
    while position < len(path):
        match = _ELEMENT.match(path, position)
        if match is None:
            message = f"{path!r} is not a property path: unexpected {path[position:]!r}"
            raise ValueError(message)
        quoted, index, bare = match.groups()
        elements.append(quoted.replace('\\"', '"') if quoted is not None else index or bare)
        position = match.end()
    return tuple(elements)


def covers(outer: str, inner: str) -> bool:
    """Return whether the path ``inner`` is equal to ``outer`` or below it."""
    pairs = zip_longest(parse_path(outer), parse_path(inner))
    return all(theirs is None or theirs in {"*", ours} for theirs, ours in pairs)


def top_level(path: str) -> str:
    """Return the property with which a path starts."""
    return parse_path(path)[0]
