r"""Names and messages as a terminal, a log or a table may show them: nothing in them can forge a line or hide a part.

A display name may hold a line break, an escape sequence of a terminal, or marks that turn the reading order around. It
is sent to the services as it is; where people read it, such characters are written out (``\n``, ``\x1b``,
``\u202e``). Knows no service and no secret.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from typing import Final

_JOINERS: Final = frozenset("\u200c\u200d")
"""Zero-width (non-)joiners: parts of Persian and Indic words, and of emoji; they move nothing around them."""
_NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories of controls, formats (also those of the reading order), lone surrogates, and line separators."""


def plain(text: str) -> str:
    """Write out every character that is invisible or moves what is shown around it; the rest stays as it is."""
    if text.isprintable():
        return text
    return "".join(_written(character) for character in text)


def one_line(text: str) -> str:
    """Give a message as one line: every white space is a blank, and what :func:`plain` writes out is written out."""
    return plain(" ".join(text.split()))


def several_lines(text: str) -> str:
    """Give a message that has lines of its own, each as :func:`plain` gives it."""
    return "\n".join(plain(line) for line in text.split("\n"))


def listed(names: Sequence[str], most: int) -> str:
    """List names, the last of a long list as a number: ``a, b and 3 more``."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _written(character: str) -> str:
    if character in _JOINERS or unicodedata.category(character) not in _INVISIBLE:
        return character
    code = ord(character)
    if character in _NAMED:
        return _NAMED[character]
    if code <= 0xFF:  # noqa: PLR2004 - what two digits hold
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004 - what four digits hold
