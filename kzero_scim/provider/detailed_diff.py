"""What the adapter adds to a resource's own diff: replacements by declaration, and the program's ``ignoreChanges``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kzero_scim.provider.codec import fields_of
from kzero_scim.provider.model import Change, as_plain, compare, replacing
from kzero_scim.provider.paths import covers

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping


def settle(
    changes: list[Change], *, old: Mapping[str, Any], new: object, ignored: Collection[str] = ()
) -> list[Change]:
    """Complete a resource's diff.

    Args:
        changes: What the resource found.
        old: Its old state as the engine keeps it, plain values by camelCase name.
        new: The new inputs, an inputs dataclass.
        ignored: Property paths whose changes do not count.

    Returns:
        The changes without the ignored ones. Those of inputs declared with ``prop(replace=True)`` replace the resource,
        also if the resource itself did not name them; an input that the old state does not hold cannot have changed.
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
