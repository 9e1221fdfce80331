"""Removes secrets from every text that leaves the process: errors, log lines, tracebacks. Knows no service."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterator

REPLACEMENT: Final = "[secret]"

SHORTEST: Final = 4
"""Shorter values are not replaced: to replace every ``1`` or ``no`` would garble messages and hide nothing."""


class Redactor:
    """Learns secret values and replaces them in texts.

    It finds a secret in its plain form and as written in a URL or a JSON document.
    """

    def __init__(self) -> None:
        """Start without secrets."""
        self._spellings: set[str] = set()

    def learn(self, value: object) -> None:
        """Learn a secret: a string, or all strings inside a list or dictionary. Ignores other values."""
        for secret in _strings(value):
            if len(secret) >= SHORTEST:
                self._spellings |= {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}

    def redact(self, text: str) -> str:
        """Return the text with every known secret replaced, the longest first so that no part of it remains."""
        for spelling in sorted(self._spellings, key=len, reverse=True):
            text = text.replace(spelling, REPLACEMENT)
        return text


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list | tuple | set):
        for item in value:
            yield from _strings(item)
