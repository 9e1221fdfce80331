"""Completes a resource's diff with declared replacements and the program's ``ignoreChanges``. Knows no resource."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kzero_scim.resource.codec import fields_of
from kzero_scim.resource.model import Change, as_plain, compare, replacing
from kzero_scim.resource.paths import covers, parse_path

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence


def settle(
    changes: list[Change], *, old: Mapping[str, Any], new: object, ignored: Collection[str] = ()
) -> list[Change]:
    """Return a resource's complete diff.

    Args:
        changes: The resource's own changes.
        old: Its old state in the engine's form, plain values by camelCase name.
        new: The new inputs, an inputs dataclass.
        ignored: Property paths whose changes are ignored.

    Returns:
        The changes without the ignored ones. A change of an input declared with ``prop(replace=True)`` replaces the
        resource, even if the resource did not report it. An input that the old state lacks has not changed.
    """
    wanted = as_plain(new)
    found = list(changes)
    for key, spec in fields_of(type(new)).items():
        if not spec.about.replace or key not in old:
            continue
        own = compare(old[key], wanted.get(key), key)
        if own and not any(covers(key, change.path) for change in found):
            found += own
        found = [replacing(change) if own and covers(key, change.path) else change for change in found]
    return [change for change in found if not any(covers(path, change.path) for path in ignored)]


def keep_ignored(
    new: Mapping[str, Any], *, old: Mapping[str, Any], names: Collection[str], ignored: Collection[str]
) -> dict[str, Any]:
    """Return the new inputs with the existing values at the ignored paths.

    The engine does the same, but only for inputs that the program sets, not for those that a default fills in later.

    Args:
        new: The new inputs, plain values by camelCase name.
        old: The old state in the engine's form.
        names: The inputs' names.
        ignored: Property paths whose changes are ignored.

    Returns:
        The inputs to update with.
    """
    kept: Any = dict(new)
    existing = {name: value for name, value in old.items() if name in names}
    for path in ignored:
        kept = _kept(kept, existing, parse_path(path))
    return dict(kept)


def _kept(new: Any, old: Any, path: Sequence[str]) -> Any:  # noqa: ANN401 - any property value
    if not path:
        return old
    head, rest = path[0], path[1:]
    if isinstance(new, list) and isinstance(old, list):
        both = range(min(len(new), len(old)))
        chosen = {index for index in both if head in {"*", str(index)}}
        return [_kept(value, old[index], rest) if index in chosen else value for index, value in enumerate(new)]
    if not isinstance(new, Mapping) or not isinstance(old, Mapping):
        return new
    result = dict(new)
    for key in {*new, *old} if head == "*" else {head}:
        if key in old and (key in new or not rest):
            result[key] = _kept(new.get(key), old[key], rest)
        elif not rest:
            result.pop(key, None)
    return result
