"""Documents of runs: read from files, and those of one command's shards made into one run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kzero_scim.errors import SettingsError
from kzero_scim.fleet.model import Command, FleetRun, TenantResult
from kzero_scim.fleet.project import LEFT


def read_run(file: Path) -> FleetRun:
    """Read a run's document.

    Raises:
        SettingsError: There is no such file, or it holds no such document.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"{file} cannot be read: {error.strerror}"
        raise SettingsError(message) from None
    except ValueError as error:
        message = f"{file} is no JSON: {error}; give what a fleet command wrote with --json"
        raise SettingsError(message) from None
    except RecursionError:
        message = f"{file} is nested too deeply to be a run's document"
        raise SettingsError(message) from None
    return FleetRun.from_document(document, str(file))


def runs_of(files: Sequence[Path], project: Path, command: str = "") -> list[FleetRun]:
    """Read runs, those of one command made one.

    Args:
        files: Their documents; without any, those that the last runs left in the project.
        project: The folder of Pulumi.yaml.
        command: Only those of this command; ``""`` for all.

    Returns:
        A run a command, in the order of :class:`Command`; at least one.

    Raises:
        SettingsError: There is none, or one cannot be read, or those of one command are not parts of one run.
    """
    if command not in {"", *Command}:
        message = f"--of {command!r} is no command; give one of {', '.join(Command)}"
        raise SettingsError(message)
    folder = project / LEFT / "runs"
    read = [read_run(file) for file in files or sorted(folder.glob("*.json"))]
    found = [run for run in read if command in {"", run.command}]
    if not found:
        which = f" of {command}" if command else ""
        message = f"there is no run{which} in {folder}; run `kzero-scim fleet {command or 'preview'}` first"
        if files:
            message = f"none of these documents is of a run{which}"
        raise SettingsError(message)
    by_command = {kind: [run for run in found if run.command is kind] for kind in Command}
    return [merged(parts) for parts in by_command.values() if parts]


def one_of(runs: Sequence[FleetRun], *, named: bool) -> FleetRun:
    """Give the run that a report of a single run is about: the latest.

    Args:
        runs: A run a command.
        named: Their documents were named one by one, so that each is meant.

    Raises:
        SettingsError: There are several, and all are meant.
    """
    if named and len(runs) > 1:
        commands = ", ".join(run.command for run in runs)
        message = f"these documents are of several commands ({commands}); name one with --of"
        raise SettingsError(message)
    return max(runs, key=lambda run: run.ended)


def merged(runs: Sequence[FleetRun]) -> FleetRun:
    """Make one run of the parts of one.

    A tenant that is in several parts, as after a part was run again, has the result of the part that ended last.

    Args:
        runs: At least one.

    Raises:
        SettingsError: They are of different commands, projects or commits, so that no report could say of which.
    """
    first = runs[0]
    for what in ("command", "project", "commit"):
        found = list(dict.fromkeys(str(getattr(run, what)) for run in runs))
        if len(found) > 1:
            message = f"the runs are of different {what}s ({', '.join(found)}); give those of one run's parts"
            raise SettingsError(message)
    results: dict[str, TenantResult] = {}
    for run in sorted(runs, key=lambda run: run.ended):
        results |= {result.tenant: result for result in run.results}
    return replace(
        first,
        began=min(run.began for run in runs),
        ended=max(run.ended for run in runs),
        results=[results[tenant] for tenant in sorted(results)],
    )
