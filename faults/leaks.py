"""Searches everything that a run printed and wrote for secrets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

_SHORTEST: Final = 8
_TOKEN: Final = re.compile(r"eyJ[\w-]{16,}\.eyJ[\w-]{16,}\.[\w-]{16,}")
"""An access token of any issuer."""


def leaks(secrets: Mapping[str, str], texts: Mapping[str, str], files: Iterable[Path]) -> list[str]:
    """Return a message for each secret that was found, with its place.

    Args:
        secrets: Values by name.
        texts: The output, by command.
        files: The files that were written.

    Raises:
        ValueError: A secret is too short for a meaningful search.
    """
    for name, value in secrets.items():
        if len(value) < _SHORTEST:
            message = f"{name} is too short for a search"
            raise ValueError(message)
    found: list[str] = []
    for place, text in _places(texts, files):
        found += [f"{name} in {place}" for name, value in secrets.items() if value in text]
        if _TOKEN.search(text):
            found.append(f"an access token in {place}")
    return found


def _places(texts: Mapping[str, str], files: Iterable[Path]) -> Iterable[tuple[str, str]]:
    yield from texts.items()
    for file in files:
        yield str(file), file.read_text(encoding="utf-8", errors="replace")
