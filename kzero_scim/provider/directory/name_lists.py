"""Compares lists of names as sets: order and spelling do not matter. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kzero_scim.provider.directory.principals import same_user
from kzero_scim.resource.model import UNKNOWN, Change, ChangeKind


def membership(path: str, old: Any, new: Any, canonical: Callable[[str], str]) -> list[Change]:  # noqa: ANN401
    """Return the changes between two lists, compared as sets.

    Args:
        path: Path of the property.
        old: The existing names.
        new: The wanted names. The list or any of its items may be UNKNOWN.
        canonical: Returns the same text for all spellings of one name.

    Returns:
        A DELETE at its index in ``old`` for each removed name, and an ADD at its index in ``new`` for each added name.
        If both have the same index, one UPDATE, which the engine shows as ``removed => added``.
    """
    if new is UNKNOWN:
        return [Change(path, ChangeKind.UPDATE)]
    before = {canonical(name) for name in old}
    after = {canonical(name) for name in new if name is not UNKNOWN}
    removed = {index for index, name in enumerate(old) if canonical(name) not in after}
    added = {index for index, name in enumerate(new) if name is UNKNOWN or canonical(name) not in before}
    return [
        Change(
            f"{path}[{index}]",
            ChangeKind.UPDATE if index in removed & added else ChangeKind.ADD if index in added else ChangeKind.DELETE,
        )
        for index in sorted(removed | added)
    ]


def known(names: Any) -> list[Any]:  # noqa: ANN401 - a list or UNKNOWN
    """Return the names, or an empty list if the list itself is UNKNOWN."""
    return [] if names is UNKNOWN else names


def without_repeats(names: Any, same: Callable[[str], str] = same_user) -> Any:  # noqa: ANN401 - a list or UNKNOWN
    """Return the names without repetitions. Of several spellings of one name, the first stays.

    Args:
        names: The names, any of which may be UNKNOWN.
        same: Returns the same text for all spellings of one name.
    """
    if names is UNKNOWN:
        return names
    seen: set[str] = set()
    kept: list[Any] = []
    for name in names:
        if name is UNKNOWN or same(name) not in seen:
            kept.append(name)
        if name is not UNKNOWN:
            seen.add(same(name))
    return kept
