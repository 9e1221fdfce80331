"""Names in a text file, one a line: for more of them than a stack's file, or a person, can hold. Knows no settings."""

from __future__ import annotations

from pathlib import Path


def read_names(file: Path) -> list[str]:
    """Read the names; blank lines and those that begin with ``#`` do not count.

    Args:
        file: UTF-8, with or without a byte order mark.

    Raises:
        ValueError: It is no such file; says why.
    """
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        message = (error.strerror or "it cannot be read").lower()
        raise ValueError(message) from error
    except UnicodeDecodeError as error:
        message = "it is not in UTF-8"
        raise ValueError(message) from error
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("#")]
