"""Locates a project's states without the Pulumi CLI, whose start takes longer than reading a state. Knows no service.

Follows ``pkg/workspace/creds.go`` (which backend) and ``pkg/backend/diy`` (files) of Pulumi.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from kzero_scim.errors import SettingsError
from kzero_scim.home_folder import expanded, home_folder, required_home_folder
from kzero_scim.regular_file import read_regular
from kzero_scim.stack import safe_yaml

_BOOKS: Final = ".pulumi"
_LARGEST: Final = 4 * 1024 * 1024
"""Bytes of Pulumi's own list of logins."""
_LAYOUT: Final = 1
"""Layout version of the folder: stacks by project. Older layouts have no ``meta.yaml``."""


def backend_url(project: Mapping[str, Any], environment: Mapping[str, str]) -> str | None:
    """Return the backend's address, from the environment, Pulumi.yaml or the last `pulumi login`.

    Args:
        project: The content of Pulumi.yaml.
        environment: The environment, with PULUMI_BACKEND_URL and the place of Pulumi's login.

    Returns:
        The address, or None if it is unknown.
    """
    if url := environment.get("PULUMI_BACKEND_URL"):
        return url
    backend = project.get("backend")
    if isinstance(backend, Mapping) and isinstance(url := backend.get("url"), str) and url:
        return url
    return _login(environment)


def folder_of(url: str, project: Path) -> Path | None:
    """Return the folder of a file backend, or None for another backend.

    Args:
        url: The backend's address.
        project: The folder of Pulumi.yaml, to which a path is relative.
    """
    parts = urlsplit(url)
    if parts.scheme != "file":
        return None
    path = unquote(parts.netloc + parts.path)
    if not path:
        return required_home_folder("set HOME, or name the backend's folder in its address")
    return project / expanded(path)


def state_file(folder: Path, project: str, stack: str) -> Path | None:
    """Return the file that contains a stack's state, or None.

    Args:
        folder: The folder of a file backend.
        project: The project's name.
        stack: The stack's own name.
    """
    plain = folder / _BOOKS / "stacks" / project / f"{stack}.json"
    files = [plain, plain.with_name(f"{plain.name}.gz"), plain.with_name(f"{plain.name}.zst")]
    # If compression was switched on or off, two files exist, and Pulumi uses the newer one.
    return max((file for file in files if file.exists()), key=lambda file: file.stat().st_mtime, default=None)


def has_known_layout(folder: Path) -> bool:
    """Return whether a file backend stores stacks by project, as Pulumi does in new backends since 2023."""
    try:
        document = safe_yaml.read(folder / _BOOKS / "meta.yaml")
    except (OSError, SettingsError):
        return False
    return isinstance(document, dict) and document.get("version") == _LAYOUT


def _login(environment: Mapping[str, str]) -> str | None:
    home = environment.get("PULUMI_CREDENTIALS_PATH") or environment.get("PULUMI_HOME")
    own = home_folder(environment)
    if not home and own is None:
        return None
    folder = Path(home) if home else Path(own or "") / _BOOKS
    try:
        document: Any = json.loads(read_regular(folder / "credentials.json", _LARGEST))
    except (OSError, ValueError):
        # The file is missing or encrypted.
        return None
    current = document.get("current") if isinstance(document, dict) else None
    return current if isinstance(current, str) and current else None
