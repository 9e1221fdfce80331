"""Puts an azuread plugin into a PULUMI_HOME: links the official one if this machine has it, else writes the stand-in.

Downloads nothing. Must not know the plugin's protocol.
"""

import contextlib
import os
import shlex
import shutil
import sys
from pathlib import Path
from typing import Final

VERSION: Final = "6.11.1"
"""The plugin's version. pyproject.toml pins pulumi-azuread to the same version."""
FOLDER: Final = f"resource-azuread-v{VERSION}"
PROGRAM: Final = "pulumi-resource-azuread"


def provide(pulumi_home: Path) -> str | None:
    """Install a plugin if none is there, so that the engine does not download one.

    Args:
        pulumi_home: A sandbox's own PULUMI_HOME.

    Returns:
        What was installed, in words, or None if a plugin was there already.
    """
    if os.path.lexists(pulumi_home / "plugins" / FOLDER / PROGRAM) or shutil.which(PROGRAM):
        return None
    official = official_elsewhere(pulumi_home)
    if official is not None:
        link(official, pulumi_home)
        return f"the official plugin {VERSION}"
    write_stand_in(pulumi_home)
    return "the offline stand-in"


def write_stand_in(pulumi_home: Path) -> Path:
    """Install the stand-in as the azuread plugin of a PULUMI_HOME and return the file that the engine starts."""
    program = _empty(pulumi_home) / PROGRAM
    program.write_text(
        f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m kzero_sandbox.azuread "$@"\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    return program


def link(folder: Path, pulumi_home: Path) -> None:
    """Link an installed plugin into a PULUMI_HOME, file by file: the engine ignores plugin folders that are links."""
    target = _empty(pulumi_home)
    for item in folder.iterdir():
        (target / item.name).symlink_to(item)


def whole(pulumi_home: Path) -> Path | None:
    """Return the official plugin's folder in a PULUMI_HOME, or None if it is missing or incomplete."""
    folder = pulumi_home / "plugins" / FOLDER
    # The engine keeps a file of this name beside the folder until the download is complete.
    partial = folder.with_name(f"{FOLDER}.partial")
    return folder if (folder / PROGRAM).exists() and not partial.exists() else None


def official_elsewhere(sandbox_home: Path) -> Path | None:
    """Return the official plugin's folder in the user's own PULUMI_HOME, or None."""
    homes = [Path(os.environ["PULUMI_HOME"])] if os.environ.get("PULUMI_HOME") else []
    with contextlib.suppress(RuntimeError):  # a user without a home
        homes.append(Path.home() / ".pulumi")
    # With the sandbox's variables loaded, PULUMI_HOME is the sandbox's own. A plugin there is not the user's.
    return next((found for home in homes if home.resolve() != sandbox_home.resolve() if (found := whole(home))), None)


def _empty(pulumi_home: Path) -> Path:
    folder = pulumi_home / "plugins" / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
