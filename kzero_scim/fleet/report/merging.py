"""Reads runs' documents from files and merges the shards of one command into one run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from kzero_scim.errors import SettingsError
from kzero_scim.fleet.model import Command, FleetRun, TenantResult
from kzero_scim.fleet.project import LEFT


def read_run(file: Path) -> FleetRun:
    """Return the run in a file.

    Raises:
        SettingsError: The file cannot be read, or is not a document of a run.
    """
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"could not read {file}: {error.strerror}"
        raise SettingsError(message) from None
    except ValueError as error:
        message = f"{file} is not JSON ({error}); give the output of a fleet command with --json"
        raise SettingsError(message) from None
    except RecursionError:
        message = f"{file} is nested too deeply to be a run's document"
        raise SettingsError(message) from None
    return FleetRun.from_document(document, str(file))


def runs_of(files: Sequence[Path], project: Path, command: str = "") -> list[FleetRun]:
    """Return the runs in files, merged per command.

    Args:
        files: Documents of runs; if empty, the last documents in the project.
        project: The folder of Pulumi.yaml.
        command: Only runs of this command; ``""`` for all.

    Returns:
        One run per command, in the order of :class:`Command`; at least one.

    Raises:
        SettingsError: There is no run, a file cannot be read, or runs of one command are not parts of one run.
    """
    if command not in {"", *Command}:
        message = f"--of {command!r} is not a command with runs; give one of {', '.join(Command)}"
        raise SettingsError(message)
    folder = project / LEFT / "runs"
    read = [read_run(file) for file in files or sorted(folder.glob("*.json"))]
    found = [run for run in read if command in {"", run.command}]
    if not found:
        which = f" of {command}" if command else ""
        message = f"{folder} contains no run{which}; run `kzero-scim fleet {command or 'preview'}` first"
        if files:
            message = f"the documents contain no run{which}"
        raise SettingsError(message)
    by_command = {kind: [run for run in found if run.command is kind] for kind in Command}
    return [merged(parts) for parts in by_command.values() if parts]


def one_of(runs: Sequence[FleetRun], *, named: bool) -> FleetRun:
    """Return the latest run, for reports of a single run.

    Args:
        runs: One run per command.
        named: Whether the operator named the documents, so that none may be ignored.

    Raises:
        SettingsError: The operator named documents of several commands.
    """
    if named and len(runs) > 1:
        commands = ", ".join(run.command for run in runs)
        message = f"the documents are from several commands ({commands}); choose one with --of"
        raise SettingsError(message)
    return max(runs, key=lambda run: run.ended)


def merged(runs: Sequence[FleetRun]) -> FleetRun:
    """Merge the parts of one run.

    A tenant in several parts, for example because a part ran again, keeps the result of the part that ended last.

    Args:
        runs: The parts, at least one.

    Raises:
        SettingsError: The parts have different commands, projects or commits.
    """
    first = runs[0]
    for what in ("command", "project", "commit"):
        found = list(dict.fromkeys(str(getattr(run, what)) for run in runs))
        if len(found) > 1:
            message = f"the runs have different {what}s ({', '.join(found)}); give only parts of one run"
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
