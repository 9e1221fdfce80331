"""What the last run of each command left: one document each, in the project's ``.kzero-scim/runs``."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

from kzero_scim.errors import SettingsError
from kzero_scim.fleet.model import Command, FleetRun
from kzero_scim.fleet.project import FleetProject


def record(project: FleetProject, run: FleetRun) -> Path:
    """Keep a run's document in place of the last of its command; a reader sees the one or the other, whole.

    Raises:
        SettingsError: It cannot be written.
    """
    file = _file(project, run.command)
    text = json.dumps(run.document(), indent=2, ensure_ascii=False) + "\n"
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=".", encoding="utf-8", delete=False) as beside:
            beside.write(text)
        Path(beside.name).replace(file)
    except OSError as error:
        message = f"the run's document cannot be written to {file}: {error.strerror}"
        raise SettingsError(message) from None
    return file


def last(project: FleetProject, command: Command) -> FleetRun | None:
    """Give the last run of a command; None if there was none here.

    Raises:
        SettingsError: What is there is no document of a run.
    """
    file = _file(project, command)
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        message = f"{file} cannot be read: {error}; delete it, or run `kzero-scim fleet {command}` for everybody"
        raise SettingsError(message) from None
    return FleetRun.from_document(document, str(file))


def commit_of(folder: Path) -> str:
    """Name the commit that a folder is at, with ``+`` behind it if it has changes; "" where there is no git."""
    commit = _git(folder, "rev-parse", "HEAD")
    return commit + ("+" if commit and _git(folder, "status", "--porcelain", "--untracked-files=no") else "")


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - git's own words, no shell
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - as everybody finds git
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _file(project: FleetProject, command: Command) -> Path:
    return project.runs / f"{command}.json"
