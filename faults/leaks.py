"""Looks for secrets in everything that a run printed and wrote."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

_SHORTEST: Final = 8
_TOKEN: Final = re.compile(r"eyJ[\w-]{16,}\.eyJ[\w-]{16,}\.[\w-]{16,}")
"""An access token, whoever issued it."""


def leaks(secrets: Mapping[str, str], texts: Mapping[str, str], files: Iterable[Path]) -> list[str]:
    """Name every secret that is found, and where.

    Args:
        secrets: Values by name; one that is too short to be searched for is an error of the caller.
        texts: What was printed, by command.
        files: What was written.

    Raises:
        ValueError: A secret is too short to mean anything when it is found.
    """
    for name, value in secrets.items():
        if len(value) < _SHORTEST:
            message = f"{name} is too short to be searched for"
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
