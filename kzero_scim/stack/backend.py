"""Where a project's states are kept, without the Pulumi CLI: starting that takes longer than reading a state.

Follows ``pkg/workspace/creds.go`` (which backend) and ``pkg/backend/diy`` (files) of Pulumi.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from kzero_scim.errors import SettingsError
from kzero_scim.stack import safe_yaml

_BOOKS: Final = ".pulumi"
_LAYOUT: Final = 1
"""Of the folder: stacks by project. What was before had no ``meta.yaml``."""


def backend_url(project: Mapping[str, Any], environment: Mapping[str, str]) -> str | None:
    """Give the address of the backend: of the environment, of Pulumi.yaml, or where `pulumi login` was last.

    Args:
        project: What stands in Pulumi.yaml.
        environment: PULUMI_BACKEND_URL, and where Pulumi keeps its login.

    Returns:
        None if there is none, or only Pulumi can tell.
    """
    if url := environment.get("PULUMI_BACKEND_URL"):
        return url
    backend = project.get("backend")
    if isinstance(backend, Mapping) and isinstance(url := backend.get("url"), str) and url:
        return url
    return _login(environment)


def folder_of(url: str, project: Path) -> Path | None:
    """Give the folder of a file backend; None for any other.

    Args:
        url: The backend's address.
        project: The folder of Pulumi.yaml, where a relative path begins.
    """
    parts = urlsplit(url)
    if parts.scheme != "file":
        return None
    path = unquote(parts.netloc + parts.path)
    return project / Path(path).expanduser() if path else Path.home()


def state_file(folder: Path, project: str, stack: str) -> Path | None:
    """Give the file that holds a stack's state; None if there is none.

    Args:
        folder: Of a file backend.
        project: The project's name.
        stack: The stack's own name.
    """
    plain = folder / _BOOKS / "stacks" / project / f"{stack}.json"
    files = [plain, plain.with_name(f"{plain.name}.gz"), plain.with_name(f"{plain.name}.zst")]
    # Where compression was switched there are two, and Pulumi takes the newer.
    return max((file for file in files if file.exists()), key=lambda file: file.stat().st_mtime, default=None)


def has_known_layout(folder: Path) -> bool:
    """Tell whether a file backend keeps its stacks by project, as every Pulumi since 2023 does in a new one."""
    try:
        document = safe_yaml.read(folder / _BOOKS / "meta.yaml")
    except (OSError, SettingsError):
        return False
    return isinstance(document, dict) and document.get("version") == _LAYOUT


def _login(environment: Mapping[str, str]) -> str | None:
    home = environment.get("PULUMI_CREDENTIALS_PATH") or environment.get("PULUMI_HOME")
    folder = Path(home) if home else Path(environment.get("HOME") or Path.home()) / _BOOKS
    try:
        document: Any = json.loads((folder / "credentials.json").read_bytes())
    except (OSError, ValueError):
        # None, or one that is encrypted.
        return None
    current = document.get("current") if isinstance(document, dict) else None
    return current if isinstance(current, str) and current else None
