"""Questions to git that it may answer with no. Knows no fleet."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def asked(folder: Path, *arguments: str) -> str:
    """Return what a git command prints, "" where it fails: without git, without a repository."""
    try:
        done = subprocess.run(  # noqa: S603 - git's own words, no shell
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the operator's own git
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except OSError:
        return ""
    return done.stdout.decode(errors="surrogateescape").strip("\n") if done.returncode == 0 else ""
