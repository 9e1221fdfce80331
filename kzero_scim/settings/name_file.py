"""Names in a text file, one a line: for more of them than a stack's file, or a person, can hold. Knows no settings."""

from __future__ import annotations

from pathlib import Path
from typing import Final

LARGEST: Final = 16 * 1024 * 1024
"""Bytes; a hundred thousand users have a fifth of that."""


def read_names(file: Path) -> list[str]:
    """Read the names; blank lines and those that begin with ``#`` do not count.

    Args:
        file: UTF-8, with or without a byte order mark.

    Raises:
        ValueError: It is no such file; says why.
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(LARGEST + 1)
        text = content.decode("utf-8-sig")
    except OSError as error:
        message = (error.strerror or "it cannot be read").lower()
        raise ValueError(message) from error
    except UnicodeDecodeError as error:
        message = "it is not in UTF-8"
        raise ValueError(message) from error
    if len(content) > LARGEST:
        message = f"it has more than {LARGEST // 1024**2} MB"
        raise ValueError(message)
    lines = (line.strip() for line in text.split("\n"))
    return [line for line in lines if line and not line.startswith("#")]
