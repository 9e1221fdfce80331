"""What a mistyped name was most likely meant to be. Knows no kind of name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from kzero_scim.display import plain


def did_you_mean(given: str, known: Iterable[str], otherwise: str) -> str:
    """Return the end of a sentence about an unknown name.

    Args:
        given: The name.
        known: The names that exist.
        otherwise: What to say if none of them is similar.
    """
    names = {name.casefold(): name for name in known}
    near = get_close_matches(given.strip().casefold(), names, 1)
    return f'; did you mean "{plain(names[near[0]])}"?' if near else f"; {otherwise}"
