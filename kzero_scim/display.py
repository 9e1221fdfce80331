r"""Makes names and messages safe to show: no text can forge a line or hide a part. Knows no service and no secret.

A display name may contain a line break, a terminal's escape sequence or a bidirectional control character. Services
receive it unchanged. Terminals, logs and tables show such characters as ``\n``, ``\x1b`` or ``\u202e``. Text that a
pipeline's runner would obey as a command gets a space inside: ``# #vso[``, ``: :error``.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Final

_JOINERS: Final = frozenset("\u200c\u200d")
"""Zero-width (non-)joiners. Persian and Indic words and emoji need them, and they do not reorder text."""
_NAMED: Final = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode's categories of controls, formats (including bidirectional ones), surrogates and line separators."""
_COMMANDS: Final = (
    "add-mask|add-matcher|add-path|debug|echo|endgroup|error|group|notice|remove-matcher|save-state|set-env|set-output"
    "|stop-commands|warning"
)
_COMMAND: Final = re.compile(
    rf"#{{2,}}(?=\[|vso\[)|:{{2,}}(?=(?:{_COMMANDS})\b[^\n]*?::)|^[^\S\n]*:{{2,}}(?=[^\n]*::)",
    re.IGNORECASE | re.MULTILINE,
)
"""Commands of the runners of Azure DevOps (``##vso[``, ``##[``) and GitHub (``::error::``, ``##[``), anywhere in a
line. An unknown word between ``::`` counts only at the start of a line, because URNs contain ``::`` too."""


def plain(text: str) -> str:
    """Return a text with escapes for invisible and reordering characters, and without working workflow commands."""
    if not text.isprintable():
        text = "".join(_written(character) for character in text)
    return without_commands(text)


def without_commands(text: str) -> str:
    """Return a text of one or several lines in which no workflow command works; the rest is unchanged."""
    return _COMMAND.sub(lambda match: re.sub(r"(?<=[#:])(?=[#:])", " ", match[0]), text)


def json_text(document: Any, **options: Any) -> str:  # noqa: ANN401 - any JSON, and what json.dumps takes
    """Return a document as JSON in which no workflow command works. A reader of the JSON gets the same document.

    Args:
        document: Any JSON.
        options: As for :func:`json.dumps`.
    """
    text = json.dumps(document, **{"indent": 2, **options})
    # Commands occur only inside strings, where an escape means the same character.
    return _COMMAND.sub(lambda match: match[0][:-1] + f"\\u{ord(match[0][-1]):04x}", text)


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
