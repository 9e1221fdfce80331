"""Lists the last provisioning cycles of a job, as far as Entra still shows them. Pure: sends no request.

Graph keeps no list of cycles. The job contains three with all counts: the last, the last without a failure, and the
last that wrote something. Each entry of the provisioning log has a ``cycleId``, from which this module counts the
cycles of the period read. A cycle without work is in neither, unless it is the last.
https://learn.microsoft.com/graph/api/resources/provisioningobjectsummary
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from kzero_scim.entra.synchronization_job import Cycle, JobStatus

MOST_CYCLES: Final = 30


@dataclass(frozen=True, kw_only=True)
class PastCycle:
    """One past cycle.

    Attributes:
        ended: When it ended, ISO 8601. From the log, the time of its last entry.
        state: Succeeded, Failed or EntryLevelErrors; "" if Entra does not say.
        exported: Objects written to KZero.
        escrowed: Objects that failed.
    """

    ended: str
    state: str
    exported: int
    escrowed: int


def logged_cycles(entries: Iterable[Mapping[str, Any]]) -> list[PastCycle]:
    """Return the cycles of a provisioning log, oldest first.

    Args:
        entries: ``provisioningObjectSummary`` documents in any order; any field may be missing.
    """
    found: dict[str, PastCycle] = {}
    for entry in entries:
        key, at, status = entry.get("cycleId"), entry.get("activityDateTime"), entry.get("provisioningStatusInfo")
        if not isinstance(key, str) or not isinstance(at, str):
            continue
        word = str(status.get("status") if isinstance(status, Mapping) else "").casefold()
        past = found.get(key) or PastCycle(ended=at, state="Succeeded", exported=0, escrowed=0)
        if word == "failure":
            past = replace(past, state="EntryLevelErrors", escrowed=past.escrowed + 1)
        elif word in {"success", "warning"}:
            past = replace(past, exported=past.exported + 1)
        found[key] = replace(past, ended=max(past.ended, at))
    return sorted(found.values(), key=lambda past: past.ended)


def past_cycles(job: JobStatus, logged: Iterable[PastCycle]) -> list[PastCycle]:
    """Return the cycles of a job and its log, oldest first, at most :data:`MOST_CYCLES`.

    Args:
        job: The job.
        logged: The result of :func:`logged_cycles`. For a cycle that the job also contains, the job's counts are used.
    """
    known = [job.last_successful_cycle_with_exports, job.last_successful_cycle, job.last_cycle]
    contained = [cycle for cycle in known if cycle is not None and cycle.ended]
    rest = [past for past in logged if not any(_is_of(past, cycle) for cycle in contained)]
    own = {
        cycle.ended: PastCycle(
            ended=cycle.ended,
            state=cycle.state,
            exported=cycle.counts.get("exported", 0),
            escrowed=cycle.counts.get("escrowed", 0),
        )
        for cycle in contained
        if cycle.ended
    }
    return sorted([*rest, *own.values()], key=lambda past: past.ended)[-MOST_CYCLES:]


def _is_of(past: PastCycle, cycle: Cycle) -> bool:
    """Return whether a logged cycle's last entry was written during a cycle of the job."""
    ended = cycle.ended or ""
    # Compare to the second: the two clocks round differently.
    return (cycle.began or ended)[:19] <= past.ended[:19] <= ended[:19]
