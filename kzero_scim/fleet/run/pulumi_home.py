"""A PULUMI_HOME for one run: plugins and log-ins are everybody's, and nothing of the run stays in it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

VARIABLE: Final = "PULUMI_HOME"
_PLUGINS: Final = "plugins"
_LOGS: Final = "logs"
_NOT_SHARED: Final = frozenset({_LOGS, "workspaces"})
"""The CLI's own logs, and the files of "current stacks"."""


def make_home(environment: Mapping[str, str], folder: Path) -> Path:
    """Make a home whose entries are those of the common one.

    The CLI writes a log of its own inner workings for each command there, and looks through all of them at each start:
    a tenth of a preview's time, and more with each that is kept. Where it cannot, it goes on without (`pkg/logging` of
    Pulumi 3.259), which a file in the folder's place sees to. What it prints is in the tenant's log.

    Args:
        environment: The tenant's.
        folder: Where to make it.

    Returns:
        Its path.
    """
    common = Path(environment.get(VARIABLE) or Path(environment.get("HOME") or Path.home()) / ".pulumi")
    # What is installed meanwhile is for everybody, also for the first time.
    (common / _PLUGINS).mkdir(parents=True, exist_ok=True)
    home = folder / "pulumi-home"
    home.mkdir()
    for entry in common.iterdir():
        if entry.name not in _NOT_SHARED:
            (home / entry.name).symlink_to(entry.resolve())
    (home / _LOGS).touch()
    return home
