r"""Makes names and messages safe to show: no text can forge a line or hide a part. Knows no service and no secret.

A display name may contain a line break, a terminal's escape sequence or a bidirectional control character. Services
receive it unchanged. Terminals, logs and tables show such characters as ``\n``, ``\x1b`` or ``\u202e``.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

_JOINERS: Final = frozenset("\u200c\u200d")
"""Zero-width (non-)joiners. Persian and Indic words and emoji need them, and they do not reorder text."""
_NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories of controls, formats (including bidirectional ones), surrogates and line separators."""


def plain(text: str) -> str:
    """Return a text with an escape for every character that is invisible or reorders text."""
    if text.isprintable():
        return text
    return "".join(_written(character) for character in text)


def one_line(text: str) -> str:
    """Return a message as one line: whitespace becomes one blank, and :func:`plain` escapes the rest."""
    return plain(" ".join(text.split()))


def several_lines(text: str) -> str:
    """Return a message of several lines, each escaped by :func:`plain`."""
    return "\n".join(plain(line) for line in text.split("\n"))


def listed(names: Sequence[str], most: int) -> str:
    """Return names as a list that ends with the number of omitted ones: ``a, b and 3 more``."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _written(character: str) -> str:
    if character in _JOINERS or unicodedata.category(character) not in _INVISIBLE:
        return character
    code = ord(character)
    if character in _NAMED:
        return _NAMED[character]
    if code <= 0xFF:  # noqa: PLR2004 - the largest code with two digits
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - the largest code with four digits
