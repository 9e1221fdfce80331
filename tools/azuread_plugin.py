"""Installs the azuread provider of a sandbox: the official plugin if it is available, otherwise the offline stand-in.

The plugin goes only into the sandbox's own PULUMI_HOME, so no other project on the machine can use the stand-in.
Set `KZERO_SCIM_AZUREAD` to `official` or `standin` to choose.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kzero_sandbox.azuread.installation import PROGRAM, VERSION, link, official_elsewhere, whole, write_stand_in

from tools import cache, progress, pulumi_cli
from tools.problem import Problem, run_main

DOWNLOAD_LIMIT = 60.0
"""Seconds that a download may take. After that, the stand-in is used."""

RETRY_AFTER = 24 * 60 * 60.0
"""Seconds before a failed download is tried again, so that the next demo does not wait for it."""

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
        folder = official_elsewhere(pulumi_home) or _downloaded(force=wish == "official")
        if folder:
            link(folder, pulumi_home)
            return Installed("official", f"the official azuread plugin {VERSION} ({folder})")
        if wish == "official":
            msg = (
                f"the official azuread plugin {VERSION} is not installed and could not be downloaded; run "
                f"`pulumi plugin install resource azuread {VERSION}` with network access, or unset KZERO_SCIM_AZUREAD"
            )
            raise Problem(msg)
    write_stand_in(pulumi_home)
    return Installed("standin", f"the offline stand-in for the azuread plugin {VERSION} (sandbox/azuread)")


def _downloaded(*, force: bool) -> Path | None:
    """Return the plugin's folder in the cache, after a download if needed, or None.

    A download that failed within `RETRY_AFTER` is not repeated, unless `force` is set.
    """
    home = cache.root() / "pulumi-home"
    failure = cache.root() / f"azuread-{VERSION}.not-downloaded"
    with cache.locked(f"azuread-{VERSION}"):
        folder = whole(home)
        if folder or (not force and failure.exists() and time.time() - failure.stat().st_mtime < RETRY_AFTER):
            return folder
        line = progress.Line(f"Fetching the official azuread plugin {VERSION} (at most {DOWNLOAD_LIMIT:.0f} s)")
        progress.ask(
            [pulumi_cli.on_path() or pulumi_cli.built(), "plugin", "install", "resource", "azuread", VERSION],
            env={**os.environ, "PULUMI_HOME": str(home), "PULUMI_SKIP_UPDATE_CHECK": "true"},
            seconds=DOWNLOAD_LIMIT,
        )
        folder = whole(home)
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
