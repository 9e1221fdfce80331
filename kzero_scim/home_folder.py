"""Finds the user's home folder. It may be unknown: in a container, a user may have neither HOME nor a passwd entry."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from kzero_scim.errors import SettingsError


def home_folder(environment: Mapping[str, str] | None = None) -> Path | None:
    """Return the home folder, None if it is unknown.

    Args:
        environment: The environment that may name it as HOME; None for this process's.
    """
    named = (os.environ if environment is None else environment).get("HOME")
    if named:
        return Path(named)
    try:
        return Path.home()
    except RuntimeError:
        return None


def required_home_folder(purpose: str, environment: Mapping[str, str] | None = None) -> Path:
    """Return the home folder.

    Args:
        purpose: What it is needed for, and how to do without it; a part of the error.
        environment: As for :func:`home_folder`.

    Raises:
        SettingsError: It is unknown.
    """
    found = home_folder(environment)
    if found is None:
        message = f"the home folder is unknown, because HOME is not set and this user has no passwd entry; {purpose}"
        raise SettingsError(message)
    return found


def expanded(path: str) -> Path:
    """Return a path with a leading ``~`` replaced, unchanged if that user's home folder is unknown."""
    try:
        return Path(path).expanduser()
    except RuntimeError:
        return Path(path)
