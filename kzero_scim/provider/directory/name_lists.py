"""Lists of names that mean sets: compared whatever the order and the spelling. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kzero_scim.provider.directory.principals import same_user
from kzero_scim.resource.model import UNKNOWN, Change, ChangeKind


def membership(path: str, old: Any, new: Any, canonical: Callable[[str], str]) -> list[Change]:  # noqa: ANN401
    """Compare two lists as sets.

    Args:
        path: The lists' property.
        old: The names that exist.
        new: The names that are wanted; it, or any of them, may be UNKNOWN.
        canonical: Gives what two spellings of one name have in common.

    Returns:
        A removed name as a DELETE at its place in ``old``, an added one as an ADD at its place in ``new``; where both
        fall on one place, an UPDATE, which the engine shows as ``removed => added``.
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
    """Give the names, or none while the list itself is UNKNOWN."""
    return [] if names is UNKNOWN else names


def without_repeats(names: Any) -> Any:  # noqa: ANN401 - a list or UNKNOWN
    """Drop the later of two spellings of one name."""
    if names is UNKNOWN:
        return names
    seen: set[str] = set()
    kept: list[Any] = []
    for name in names:
        if name is UNKNOWN or same_user(name) not in seen:
            kept.append(name)
        if name is not UNKNOWN:
            seen.add(same_user(name))
    return kept
