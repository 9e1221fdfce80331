"""Reads users from a text file, one per line, for lists that are too long for a stack file. Knows no settings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from kzero_scim.resource.formats import GUID
from kzero_scim.settings.stack_paths import read_in_stacks

LARGEST: Final = 16 * 1024 * 1024
"""Bytes. A hundred thousand users take a fifth of that."""
_USER: Final = re.compile(rf"[^\s@=:;,\"<>/\\]{{1,128}}@[^\s@=:;,\"<>/\\]{{1,255}}|{GUID}")
"""A user principal name or an object ID. Whatever else a file holds may be a secret."""


def is_user(text: str) -> bool:
    """Return whether a line that contains only this text lists it as a user."""
    return not text.startswith("#") and _USER.fullmatch(text) is not None and text.isprintable()


def read_users(project: Path, name: str) -> list[str]:
    """Return the users that a file lists, without blank lines and those that begin with ``#``.

    Args:
        project: The folder of Pulumi.yaml.
        name: The file's path from there: UTF-8, with or without a byte order mark, below ``stacks/``.

    Raises:
        ValueError: There is no such file, or a line is not a user; a clause for an error, without anything of the file.
    """
    content = read_in_stacks(project, name, LARGEST)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        message = "it is not in UTF-8"
        raise ValueError(message) from None
    users: dict[str, str] = {}
    for number, line in enumerate(text.split("\n"), 1):
        user = line.strip()
        if not user or user.startswith("#"):
            continue
        if not is_user(user):
            message = f"line {number} is not a user principal name or an object ID"
            raise ValueError(message)
        if users.setdefault(user.casefold(), user) is not user:
            message = f"line {number} lists a user again"
            raise ValueError(message)
    return list(users.values())
