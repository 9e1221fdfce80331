"""Creates a PULUMI_HOME for one run that shares plugins and sign-ins with the common one and is deleted afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from kzero_scim.home_folder import required_home_folder

VARIABLE: Final = "PULUMI_HOME"
_PLUGINS: Final = "plugins"
_LOGS: Final = "logs"
_NOT_SHARED: Final = frozenset({_LOGS, "workspaces"})
"""Folders for the CLI's own logs and for the current stack of each project."""


def make_home(environment: Mapping[str, str], folder: Path) -> Path:
    """Create a home with links to the entries of the common one.

    The CLI writes a debug log there for each command and searches all of them at each start. This takes a tenth of a
    preview's time, and more with each log. The CLI continues without logs if it cannot write them (`pkg/logging` of
    Pulumi 3.259), so a file takes the place of the log folder. The tenant's log contains what the CLI prints.

    Args:
        environment: The tenant's environment.
        folder: Where to create the home.

    Returns:
        The path of the home.

    Raises:
        SettingsError: The common home is unknown.
    """
    named = environment.get(VARIABLE)
    common = Path(named) if named else required_home_folder(f"set HOME or {VARIABLE}", environment) / ".pulumi"
    # Plugins that this run installs go to the common home, also if it is new.
    (common / _PLUGINS).mkdir(parents=True, exist_ok=True)
    home = folder / "pulumi-home"
    home.mkdir()
    for entry in common.iterdir():
        if entry.name not in _NOT_SHARED:
            (home / entry.name).symlink_to(entry.resolve())
    (home / _LOGS).touch()
    return home
