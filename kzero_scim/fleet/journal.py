"""Stores runs' documents in ``.kzero-scim`` of the project: the last per command in ``runs``, more in ``history``.

The last document says which tenants failed, what to resume, and how long each tenant takes. The page also needs earlier
ones: a run seldom covers every tenant, and several statuses together have the last cycles.
"""

from __future__ import annotations

import json
import re
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Final

from kzero_scim.display import json_text
from kzero_scim.errors import SettingsError
from kzero_scim.fleet.model import Command, FleetRun
from kzero_scim.fleet.project import FleetProject

KEPT: Final = 8
"""How many runs of each command the history keeps."""


def record(project: FleetProject, run: FleetRun) -> Path:
    """Store a run's document as the last of its command, atomically. Return its file.

    Raises:
        SettingsError: The file cannot be written.
    """
    file = _file(project, run.command)
    text = json_text(run.document(), ensure_ascii=False) + "\n"
    history = _history(project)
    # Named after its start, because a running run is recorded repeatedly. Not every file system allows colons.
    entry = history / f"{run.command}-{re.sub('[^0-9A-Za-z]', '', run.began)}.json"
    try:
        for place in (entry, file):
            place.parent.mkdir(parents=True, exist_ok=True)
            _write(place, text)
        for old in sorted(history.glob(f"{run.command}-*.json"))[:-KEPT]:
            old.unlink(missing_ok=True)
    except OSError as error:
        message = f"could not write the run's document to {file}: {error.strerror}"
        raise SettingsError(message) from None
    return file


def _write(file: Path, text: str) -> None:
    with tempfile.NamedTemporaryFile("w", dir=file.parent, prefix=".", encoding="utf-8", delete=False) as beside:
        beside.write(text)
    Path(beside.name).replace(file)


def history(project: FleetProject) -> list[FleetRun]:
    """Return the runs in the history, without tenants that have left the fleet.

    Raises:
        SettingsError: A file is not a document of a run.
    """
    runs = []
    for file in sorted(_history(project).glob("*.json")):
        run = _read(file, "delete it")
        results = [result for result in run.results if result.tenant in project.tenants]
        runs.append(replace(run, results=results))
    return runs


def last(project: FleetProject, command: Command) -> FleetRun | None:
    """Return the last run of a command; None if there is none.

    Raises:
        SettingsError: The file is not a document of a run.
    """
    file = _file(project, command)
    if not file.exists():
        return None
    return _read(file, f"delete it, or run `kzero-scim fleet {command}` for all tenants")


def _read(file: Path, remedy: str) -> FleetRun:
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        message = f"could not read {file} ({error}); {remedy}"
        raise SettingsError(message) from None
    return FleetRun.from_document(document, str(file))


def _file(project: FleetProject, command: Command) -> Path:
    return project.runs / f"{command}.json"


def _history(project: FleetProject) -> Path:
    return project.runs.with_name("history")
