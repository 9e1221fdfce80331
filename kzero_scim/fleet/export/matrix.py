"""The jobs of a pipeline: tenants spread over machines so that all end at about the same time. Runs nothing.

How each platform takes a matrix that another job printed, and its limits:
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

from kzero_scim.display import one_line
from kzero_scim.errors import SettingsError
from kzero_scim.fleet.model import FleetRun, Outcome
from kzero_scim.fleet.project import FleetTenant
from kzero_scim.stack import yaml_writer
from kzero_scim.stack.stack_file import path_of

LONGEST_OUTPUT: Final = 1024 * 1024
"""Bytes of a job's outputs on GitHub, which counts two for each character."""
LONGEST_VARIABLE: Final = 128 * 1024 - 1024
"""Characters of one environment variable: Linux takes 128 KiB with its name, and the end of the text."""
_UNTRIED: Final = frozenset({Outcome.FAILED, Outcome.NOT_RUN})
"""How long a tenant took that came to this tells nothing of how long it will take."""


class Platform(StrEnum):
    """Who runs the jobs."""

    GITHUB = "github"
    GITLAB = "gitlab"
    AZURE = "azure"


@dataclass(frozen=True)
class Job:
    """One machine's share.

    Attributes:
        number: From 1.
        tenants: The longest first, so that workers of that machine end together too.
        seconds: How long they take one after the other; None if it is known of no tenant at all.
    """

    number: int
    tenants: tuple[str, ...]
    seconds: float | None


def durations(runs: Iterable[FleetRun]) -> dict[str, float]:
    """Say how long each tenant took, in seconds, the last time that it came to an end.

    Args:
        runs: Of one command, in any order; several where each machine left its own.
    """
    found: dict[str, float] = {}
    for run in sorted(runs, key=lambda run: run.ended):
        found.update({one.tenant: one.seconds for one in run.results if one.outcome not in _UNTRIED})
    return found


def failed(runs: Iterable[FleetRun]) -> set[str]:
    """Say which tenants came to no end the last time."""
    last: dict[str, Outcome] = {}
    for run in sorted(runs, key=lambda run: run.ended):
        last.update({one.tenant: one.outcome for one in run.results})
    return {tenant for tenant, outcome in last.items() if outcome in {*_UNTRIED, Outcome.TIMED_OUT}}


def safe_names(tenants: Iterable[FleetTenant]) -> list[str]:
    """Give the tenants' names, which a pipeline hands to a shell and to commands.

    Raises:
        SettingsError: One is no stack's name, or would be taken for an option: a pull request may bring any file.
    """
    found = [tenant.name for tenant in tenants]
    for name in found:
        path_of(Path(), name)
        if name.startswith("-"):
            message = f"the tenant {name} would be taken for an option; call its stack something else"
            raise SettingsError(message)
    return found


def spread(tenants: Iterable[str], history: Mapping[str, float], jobs: int) -> list[Job]:
    """Give each tenant to one job: the longest first, each to the job that has least to do so far.

    No job takes longer than the mean of all and the longest tenant together, nor than 4/3 of what the best spreading
    of all would (R. L. Graham, Bounds on multiprocessing timing anomalies, 1969). The same tenants and durations give
    the same jobs.

    Args:
        tenants: Which, each once.
        history: Seconds by tenant; others count as the median of these.
        jobs: How many at most; fewer are made of fewer tenants.
    """
    selected = sorted(tenants)
    known = [history[tenant] for tenant in selected if tenant in history]
    unknown = median(known) if known else 1.0
    weights = {tenant: history.get(tenant, unknown) for tenant in selected}
    shares: list[list[str]] = [[] for _ in range(min(jobs, len(selected)))]
    # The number of tenants decides between equals, so that tenants of no length at all are spread too.
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
    """Write a matrix as a platform takes it.

    GitHub: ``{"include": [{"job": "1", "tenants": "a b", "seconds": 42}]}``. Azure DevOps:
    ``{"job_1": {"job": "1", "tenants": "a b", "seconds": "42"}}``. GitLab: a child pipeline, of one job each that
    extends ``.fleet`` with the variables JOB, TENANTS and SECONDS; not ``parallel:matrix``, which puts its values into
    the jobs' names, and those have room for 255 characters.

    Args:
        jobs: What to run; none gives a matrix that a pipeline can tell from others: an empty list, an empty object, and
            for GitLab, which refuses a pipeline without jobs, one that does nothing.
        platform: Whose form.
        files: Where each job's tenants were written to; named (``file``, ``FILE``) in place of the tenants.

    Raises:
        SettingsError: It is more than the platform takes.
    """
    entries = [_entry(job, files) for job in jobs]
    if platform is Platform.GITLAB:
        return yaml_writer.dump(_child_pipeline(entries))
    if platform is Platform.AZURE:
        return json.dumps({f"job_{entry['job']}": {k: str(v) for k, v in entry.items()} for entry in entries})
    text = json.dumps({"include": entries})
    if 2 * len(text) > LONGEST_OUTPUT:
        message = (
            f"the matrix has {len(text)} characters, and GitHub takes {LONGEST_OUTPUT // 2} of a job's output; "
            f"write the tenants to files with --files FOLDER, and hand those on as an artifact"
        )
        raise SettingsError(message)
    return text


def _entry(job: Job, files: Mapping[int, Path] | None) -> dict[str, Any]:
    tenants = " ".join(job.tenants)
    if files is None and len(tenants) > LONGEST_VARIABLE:
        message = (
            f"the names of the {len(job.tenants)} tenants of job {job.number} are longer than a variable may be; "
            f"take more --jobs, or write them to files with --files FOLDER"
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
    """Write each job's tenants to a file of its own, ``1.txt`` and so on, a line each; others of that kind go.

    Raises:
        SettingsError: The folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # A file of a former matrix would be run too by whoever takes them all.
        for old in folder.glob("*.txt"):
            if old.stem.isdecimal():
                old.unlink()
        found = {}
        for job in jobs:
            file = folder / f"{job.number}.txt"
            file.write_text("".join(f"{tenant}\n" for tenant in job.tenants), encoding="utf-8")
            found[job.number] = file
    except OSError as error:
        message = f"the jobs' tenants cannot be written to {one_line(str(folder))}: {error.strerror}"
        raise SettingsError(message) from error
    return found


def runs_at(paths: Iterable[Path]) -> list[FleetRun]:
    """Read results of fleet runs: files, and all ``*.json`` in folders, as artifacts of several machines come.

    Raises:
        SettingsError: One cannot be read or is none.
    """
    found = []
    for path in paths:
        for file in sorted(path.rglob("*.json")) if path.is_dir() else [path]:
            try:
                document = json.loads(file.read_text(encoding="utf-8"))
            except OSError as error:
                message = f"{one_line(str(file))} cannot be read: {error.strerror}"
                raise SettingsError(message) from error
            except ValueError as error:
                message = f"{one_line(str(file))} is no result of a fleet run: it is no JSON"
                raise SettingsError(message) from error
            found.append(FleetRun.from_document(document, one_line(str(file))))
    return found
