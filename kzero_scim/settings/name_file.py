"""Reads names from a text file, one per line, for lists that are too long for a stack file. Knows no settings."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from kzero_scim.regular_file import read_regular

LARGEST: Final = 16 * 1024 * 1024
"""Bytes. A hundred thousand users take a fifth of that."""


def read_names(file: Path) -> list[str]:
    """Return the names in a file, without blank lines and lines that begin with ``#``.

    Args:
        file: UTF-8, with or without a byte order mark.

    Raises:
        ValueError: The file cannot be read; the message is the reason.
    """
    try:
        content = read_regular(file, LARGEST)
        text = content.decode("utf-8-sig")
    except OSError as error:
        message = (error.strerror or "unreadable").lower()
        raise ValueError(message) from error
    except UnicodeDecodeError as error:
        message = "not UTF-8"
        raise ValueError(message) from error
    if len(content) > LARGEST:
        message = f"larger than {LARGEST // 1024**2} MB"
        raise ValueError(message)
    lines = (line.strip() for line in text.split("\n"))
    return [line for line in lines if line and not line.startswith("#")]
