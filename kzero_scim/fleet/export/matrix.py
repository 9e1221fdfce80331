"""Distributes tenants over the jobs of a pipeline so that all jobs end at about the same time. Runs nothing.

How each platform reads a matrix from another job, and its limits:
https://docs.github.com/en/actions/reference/limits, https://docs.gitlab.com/ci/pipelines/downstream_pipelines/,
https://learn.microsoft.com/en-us/azure/devops/pipelines/yaml-schema/jobs-job-strategy.
"""

from __future__ import annotations

import heapq
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from statistics import median
from typing import Any, Final

from kzero_scim.display import json_text, one_line
from kzero_scim.errors import SettingsError
from kzero_scim.fleet.model import FleetRun, Outcome
from kzero_scim.fleet.project import FleetTenant
from kzero_scim.stack import yaml_writer
from kzero_scim.stack.stack_file import path_of

LONGEST_OUTPUT: Final = 1024 * 1024
"""Largest output of a job on GitHub, in bytes. GitHub counts two bytes per character."""
LONGEST_VARIABLE: Final = 128 * 1024 - 1024
"""Longest environment variable, in characters. Linux allows 128 KiB, including its name and the final zero."""
_UNTRIED: Final = frozenset({Outcome.FAILED, Outcome.NOT_RUN})
"""Outcomes whose duration does not predict the next run's."""


class Platform(StrEnum):
    """The platform that runs the jobs."""

    GITHUB = "github"
    GITLAB = "gitlab"
    AZURE = "azure"


@dataclass(frozen=True)
class Job:
    """The tenants of one job.

    Attributes:
        number: Number of the job, from 1.
        tenants: The tenants, longest first, so that parallel workers end at about the same time.
        seconds: Sum of their expected durations; None if no duration is known.
    """

    number: int
    tenants: tuple[str, ...]
    seconds: float | None


def durations(runs: Iterable[FleetRun]) -> dict[str, float]:
    """Return how long each tenant took in its last finished run, in seconds.

    Args:
        runs: Runs of one command, in any order; several if each machine wrote its own.
    """
    found: dict[str, float] = {}
    for run in sorted(runs, key=lambda run: run.ended):
        found.update({one.tenant: one.seconds for one in run.results if one.outcome not in _UNTRIED})
    return found


def failed(runs: Iterable[FleetRun]) -> set[str]:
    """Return the tenants that failed, timed out or were skipped in their last run."""
    last: dict[str, Outcome] = {}
    for run in sorted(runs, key=lambda run: run.ended):
        last.update({one.tenant: one.outcome for one in run.results})
    return {tenant for tenant, outcome in last.items() if outcome in {*_UNTRIED, Outcome.TIMED_OUT}}


def safe_names(tenants: Iterable[FleetTenant]) -> tuple[list[str], list[str]]:
    """Return the tenants' names that a pipeline can pass to a shell and to commands, and a note on each other one.

    A pull request may bring a file of any name. Without the name, no job can report that tenant's failure.
    """
    found: list[str] = []
    notes: list[str] = []
    for tenant in tenants:
        try:
            path_of(Path(), tenant.name)
        except SettingsError as error:
            notes.append(f"error: {one_line(str(tenant.file))} is in no job: {error}")
        else:
            found.append(tenant.name)
    return found, notes


def spread(tenants: Iterable[str], history: Mapping[str, float], jobs: int) -> list[Job]:
    """Assign each tenant to one job: longest first, each to the job with the least work so far.

    No job takes longer than the mean of all jobs plus the longest tenant, nor than 4/3 of the best distribution
    (R. L. Graham, Bounds on multiprocessing timing anomalies, 1969). The same tenants and durations give the same jobs.

    Args:
        tenants: The tenants, each once.
        history: Seconds by tenant. Other tenants count as the median.
        jobs: Largest number of jobs. There are never more jobs than tenants.
    """
    selected = sorted(tenants)
    known = [history[tenant] for tenant in selected if tenant in history]
    unknown = median(known) if known else 1.0
    weights = {tenant: history.get(tenant, unknown) for tenant in selected}
    shares: list[list[str]] = [[] for _ in range(min(jobs, len(selected)))]
    # Among equal loads, the number of tenants decides, so that tenants without a duration are distributed too.
    least = [(0.0, 0, index) for index in range(len(shares))]
    for tenant in sorted(selected, key=lambda tenant: (-weights[tenant], tenant)):
        load, count, index = least[0]
        shares[index].append(tenant)
        heapq.heapreplace(least, (load + weights[tenant], count + 1, index))
    return [
        Job(number, tuple(share), math.fsum(weights[tenant] for tenant in share) if known else None)
        for number, share in enumerate(shares, 1)
    ]


def render(jobs: Sequence[Job], platform: Platform, files: Mapping[int, Path] | None = None) -> str:
    """Return a matrix in a platform's format.

    GitHub: ``{"include": [{"job": "1", "tenants": "a b", "seconds": 42}]}``. Azure DevOps:
    ``{"job_1": {"job": "1", "tenants": "a b", "seconds": "42"}}``. GitLab: a child pipeline whose jobs extend
    ``.fleet`` with the variables JOB, TENANTS and SECONDS. It does not use ``parallel:matrix``, which puts the values
    into the jobs' names, because names are limited to 255 characters.

    Args:
        jobs: The jobs. Without jobs, the matrix is an empty list or object; for GitLab, which refuses a pipeline
            without jobs, it has one job that does nothing.
        platform: The platform.
        files: Files with each job's tenants; the matrix names them (``file``, ``FILE``) instead of the tenants.

    Raises:
        SettingsError: The matrix exceeds a limit of the platform.
    """
    entries = [_entry(job, files) for job in jobs]
    if platform is Platform.GITLAB:
        return yaml_writer.dump(_child_pipeline(entries))
    if platform is Platform.AZURE:
        return json_text(
            {f"job_{entry['job']}": {k: str(v) for k, v in entry.items()} for entry in entries}, indent=None
        )
    text = json_text({"include": entries}, indent=None)
    if 2 * len(text) > LONGEST_OUTPUT:
        message = (
            f"the matrix has {len(text)} characters, but GitHub allows {LONGEST_OUTPUT // 2} in a job's output; "
            f"write the tenants to files with --files FOLDER, and pass the folder on as an artifact"
        )
        raise SettingsError(message)
    return text


def _entry(job: Job, files: Mapping[int, Path] | None) -> dict[str, Any]:
    tenants = " ".join(job.tenants)
    if files is None and len(tenants) > LONGEST_VARIABLE:
        message = (
            f"the names of the {len(job.tenants)} tenants of job {job.number} are too long for a variable; "
            f"increase --jobs, or write them to files with --files FOLDER"
        )
        raise SettingsError(message)
    where = {"tenants": tenants} if files is None else {"file": files[job.number].as_posix()}
    return {"job": str(job.number), **where, "seconds": "" if job.seconds is None else math.ceil(job.seconds)}


def _child_pipeline(entries: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    if not entries:
        return {"fleet: nothing to do": {"script": ["true"]}}
    return {
        f"fleet {entry['job']}": {
            "extends": ".fleet",
            "variables": {key.upper(): str(value) for key, value in entry.items()},
        }
        for entry in entries
    }


def write_files(jobs: Iterable[Job], folder: Path) -> dict[int, Path]:
    """Write each job's tenants to a file, ``1.txt`` and so on, one per line. Delete older files of that kind.

    Raises:
        SettingsError: The folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # A pipeline that uses all files would also run those of an older matrix.
        for old in folder.glob("*.txt"):
            if old.stem.isdecimal():
                old.unlink()
        found = {}
        for job in jobs:
            file = folder / f"{job.number}.txt"
            file.write_text("".join(f"{tenant}\n" for tenant in job.tenants), encoding="utf-8")
            found[job.number] = file
    except OSError as error:
        message = f"could not write the jobs' tenants to {one_line(str(folder))}: {error.strerror}"
        raise SettingsError(message) from error
    return found


def runs_at(paths: Iterable[Path]) -> list[FleetRun]:
    """Return the runs in files, and in all ``*.json`` in folders, for example artifacts of several machines.

    Raises:
        SettingsError: A file cannot be read, or is not a document of a run.
    """
    found = []
    for path in paths:
        for file in sorted(path.rglob("*.json")) if path.is_dir() else [path]:
            try:
                document = json.loads(file.read_text(encoding="utf-8"))
            except OSError as error:
                message = f"could not read {one_line(str(file))}: {error.strerror}"
                raise SettingsError(message) from error
            except ValueError as error:
                message = f"{one_line(str(file))} is not JSON; give the output of a fleet command with --json"
                raise SettingsError(message) from error
            found.append(FleetRun.from_document(document, one_line(str(file))))
    return found
