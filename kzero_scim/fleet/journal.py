"""What runs left, in the project's ``.kzero-scim``: the last of each command in ``runs``, some before in ``history``.

The last one tells who failed, what to go on with and how long each tenant takes. The page needs those before it as
well: a run seldom looks at every tenant, and the last cycles are told by several statuses.
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from kzero_scim.errors import SettingsError
from kzero_scim.fleet import git
from kzero_scim.fleet.model import Command, FleetRun
from kzero_scim.fleet.project import FleetProject

KEPT: Final = 8
"""Runs of each command that the history holds."""


def record(project: FleetProject, run: FleetRun) -> Path:
    """Keep a run's document in place of the last of its command; a reader sees the one or the other, whole.

    Raises:
        SettingsError: It cannot be written.
    """
    file = _file(project, run.command)
    text = json.dumps(run.document(), indent=2, ensure_ascii=False) + "\n"
    history = _history(project)
    # By its beginning: a run that goes on is recorded again. No colon, which not every file system takes in a name.
    entry = history / f"{run.command}-{re.sub('[^0-9A-Za-z]', '', run.began)}.json"
    try:
        for place in (entry, file):
            place.parent.mkdir(parents=True, exist_ok=True)
            _write(place, text)
        for old in sorted(history.glob(f"{run.command}-*.json"))[:-KEPT]:
            old.unlink(missing_ok=True)
    except OSError as error:
        message = f"the run's document cannot be written to {file}: {error.strerror}"
        raise SettingsError(message) from None
    return file


def _write(file: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=".", encoding="utf-8", delete=False) as beside:
        beside.write(text)
    Path(beside.name).replace(file)


def history(project: FleetProject) -> list[FleetRun]:
    """Give the runs that the history holds, of tenants that are still in the fleet.

    Raises:
        SettingsError: One is no document of a run.
    """
    runs = []
    for file in sorted(_history(project).glob("*.json")):
        run = _read(file, "delete it")
        results = [result for result in run.results if result.tenant in project.tenants]
        runs.append(replace(run, results=results))
    return runs


def last(project: FleetProject, command: Command) -> FleetRun | None:
    """Give the last run of a command; None if there was none here.

    Raises:
        SettingsError: What is there is no document of a run.
    """
    file = _file(project, command)
    if not file.exists():
        return None
    return _read(file, f"delete it, or run `kzero-scim fleet {command}` for everybody")


def _read(file: Path, remedy: str) -> FleetRun:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        message = f"{file} cannot be read: {error}; {remedy}"
        raise SettingsError(message) from None
    return FleetRun.from_document(document, str(file))


def commit_of(folder: Path) -> str:
    """Name the commit that a folder is at, with ``+`` behind it if it has changes; "" where there is no git."""
    commit = git.asked(folder, "rev-parse", "HEAD")
    return commit + ("+" if commit and git.asked(folder, "status", "--porcelain", "--untracked-files=no") else "")


def _file(project: FleetProject, command: Command) -> Path:
    return project.runs / f"{command}.json"


def _history(project: FleetProject) -> Path:
    return project.runs.with_name("history")
