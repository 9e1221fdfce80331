"""Runs git commands that may fail without harm. Must not know the fleet."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path


def asked(folder: Path, *arguments: str) -> str:
    """Return what a git command prints, "" if it fails, for example without git or a repository."""
    try:
        done = subprocess.run(  # noqa: S603 - fixed program, no shell
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the operator's own git
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except OSError:
        return ""
    return done.stdout.decode(errors="surrogateescape").strip("\n") if done.returncode == 0 else ""
