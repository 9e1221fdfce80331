"""Installs the azuread provider of a sandbox: the official plugin if it is available, otherwise the offline stand-in.

The plugin goes only into the sandbox's own PULUMI_HOME, so no other project on the machine can use the stand-in.
Set `KZERO_SCIM_AZUREAD` to `official` or `standin` to choose.
"""

from __future__ import annotations

import os
import shlex
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tools import cache, progress, pulumi_cli, python_env
from tools.problem import Problem, run_main

VERSION = "6.11.1"
"""The plugin's version. pyproject.toml pins pulumi-azuread to the same version."""

DOWNLOAD_LIMIT = 60.0
"""Seconds that a download may take. After that, the stand-in is used."""

RETRY_AFTER = 24 * 60 * 60.0
"""Seconds before a failed download is tried again, so that the next demo does not wait for it."""

FOLDER = f"resource-azuread-v{VERSION}"
PROGRAM = "pulumi-resource-azuread"

Kind = Literal["official", "standin"]


@dataclass(frozen=True)
class Installed:
    """The plugin that a sandbox uses.

    Attributes:
        kind: Official plugin or stand-in.
        text: The same as text, with the plugin's origin.
    """

    kind: Kind
    text: str


def install(pulumi_home: Path) -> Installed:
    """Install an azuread plugin in a PULUMI_HOME and replace the one that is there.

    Args:
        pulumi_home: The sandbox's PULUMI_HOME.

    Returns:
        Which plugin it is.

    Raises:
        Problem: `KZERO_SCIM_AZUREAD` has an unknown value, or its choice is not available.
    """
    wish = os.environ.get("KZERO_SCIM_AZUREAD", "")
    if wish not in {"", "official", "standin"}:
        msg = f"KZERO_SCIM_AZUREAD is {wish!r}; set it to official or standin, or unset it"
        raise Problem(msg)
    ambient = shutil.which(PROGRAM)
    if ambient:
        # The engine prefers this plugin to anything in PULUMI_HOME.
        if wish == "standin":
            msg = f"KZERO_SCIM_AZUREAD=standin has no effect because {ambient} is on PATH; remove it from PATH"
            raise Problem(msg)
        return Installed("official", f"the official azuread plugin on PATH ({ambient})")
    if wish != "standin":
        folder = _installed(pulumi_home) or _downloaded(force=wish == "official")
        if folder:
            _link(folder, pulumi_home)
            return Installed("official", f"the official azuread plugin {VERSION} ({folder})")
        if wish == "official":
            msg = (
                f"the official azuread plugin {VERSION} is not installed and could not be downloaded; run "
                f"`pulumi plugin install resource azuread {VERSION}` with network access, or unset KZERO_SCIM_AZUREAD"
            )
            raise Problem(msg)
    write_stand_in(pulumi_home)
    return Installed("standin", f"the offline stand-in for the azuread plugin {VERSION} (sandbox/azuread)")


def write_stand_in(pulumi_home: Path) -> Path:
    """Install the stand-in as the azuread plugin of a PULUMI_HOME and return the file that the engine starts."""
    program = _empty(pulumi_home) / PROGRAM
    program.write_text(
        f'#!/bin/sh\nexec {shlex.quote(str(python_env.PYTHON))} -m kzero_sandbox.azuread "$@"\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    return program


def _link(folder: Path, pulumi_home: Path) -> None:
    # Links to the files, not to the folder: the engine ignores plugin folders that are links.
    target = _empty(pulumi_home)
    for item in folder.iterdir():
        (target / item.name).symlink_to(item)


def _empty(pulumi_home: Path) -> Path:
    folder = pulumi_home / "plugins" / FOLDER
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _whole(pulumi_home: Path) -> Path | None:
    """Return the official plugin's folder in a PULUMI_HOME, or None if it is missing or incomplete."""
    folder = pulumi_home / "plugins" / FOLDER
    # The engine keeps a file of this name beside the folder until the download is complete.
    partial = folder.with_name(f"{FOLDER}.partial")
    return folder if (folder / PROGRAM).exists() and not partial.exists() else None


def _installed(sandbox_home: Path) -> Path | None:
    homes = [Path.home() / ".pulumi"]
    if os.environ.get("PULUMI_HOME"):
        homes.insert(0, Path(os.environ["PULUMI_HOME"]))
    # With the sandbox's variables loaded, PULUMI_HOME is the sandbox's own. A plugin there came from `install`.
    return next((found for home in homes if home.resolve() != sandbox_home.resolve() if (found := _whole(home))), None)


def _downloaded(*, force: bool) -> Path | None:
    """Return the plugin's folder in the cache, after a download if needed, or None.

    A download that failed within `RETRY_AFTER` is not repeated, unless `force` is set.
    """
    home = cache.root() / "pulumi-home"
    failure = cache.root() / f"azuread-{VERSION}.not-downloaded"
    with cache.locked(f"azuread-{VERSION}"):
        folder = _whole(home)
        if folder or (not force and failure.exists() and time.time() - failure.stat().st_mtime < RETRY_AFTER):
            return folder
        line = progress.Line(f"Fetching the official azuread plugin {VERSION} (at most {DOWNLOAD_LIMIT:.0f} s)")
        progress.ask(
            [pulumi_cli.on_path() or pulumi_cli.built(), "plugin", "install", "resource", "azuread", VERSION],
            env={**os.environ, "PULUMI_HOME": str(home), "PULUMI_SKIP_UPDATE_CHECK": "true"},
            seconds=DOWNLOAD_LIMIT,
        )
        folder = _whole(home)
        line.close("done" if folder else "not available")
        if folder:
            failure.unlink(missing_ok=True)
        else:
            failure.touch()
        return folder


def main() -> None:
    """Install a plugin into the PULUMI_HOME that the only argument names."""
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and one argument
        msg = "usage: python -m tools.azuread_plugin PULUMI_HOME"
        raise Problem(msg)
    print(f"Using {install(Path(sys.argv[1]).absolute()).text}")


if __name__ == "__main__":
    run_main(main)
