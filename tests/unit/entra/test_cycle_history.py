"""The last cycles of a job, from the job and its log."""

from __future__ import annotations

from typing import Any

import pytest

from kzero_scim.entra.cycle_history import MOST_CYCLES, PastCycle, logged_cycles, past_cycles
from kzero_scim.entra.synchronization_job import Cycle, JobStatus


def entry(cycle: str, at: str, status: str = "success") -> dict[str, Any]:
    """Return an entry of the provisioning log."""
    return {"cycleId": cycle, "activityDateTime": at, "provisioningStatusInfo": {"status": status}}


def past(ended: str, state: str = "Succeeded", exported: int = 0, escrowed: int = 0) -> PastCycle:
    """Return a cycle."""
    return PastCycle(ended=ended, state=state, exported=exported, escrowed=escrowed)


def test_a_log_is_counted_by_cycle() -> None:
    """Written and failed objects count per cycle; skipped objects and incomplete entries do not."""
    entries = [
        entry("b", "2026-11-24T02:00:05Z", "failure"),
        entry("b", "2026-11-24T02:00:01Z"),
        entry("b", "2026-11-24T02:00:00Z", "skipped"),
        entry("a", "2026-11-24T01:00:00Z"),
        {"cycleId": "a"},
        {"activityDateTime": "2026-11-24T01:00:00Z"},
        {"cycleId": "c", "activityDateTime": "2026-11-24T03:00:00Z", "provisioningStatusInfo": "odd"},
    ]

    assert logged_cycles(entries) == [
        past("2026-11-24T01:00:00Z", exported=1),
        past("2026-11-24T02:00:05Z", "EntryLevelErrors", exported=1, escrowed=1),
        past("2026-11-24T03:00:00Z"),
    ]


@pytest.mark.parametrize("at", ["2026-11-24T02:00:00.9Z", "2026-11-24T02:00:30Z", "2026-11-24T02:01:00Z"])
def test_a_cycle_of_job_and_log_is_listed_once(at: str) -> None:
    """A cycle that the job and the log contain is listed once, with the job's counts."""
    cycle = Cycle(
        state="Succeeded",
        began="2026-11-24T02:00:00Z",
        ended="2026-11-24T02:01:00Z",
        counts={"exported": 3, "escrowed": 0, "imported": 9},
    )
    job = JobStatus(schedule_state="Active", status_code="Active", last_cycle=cycle, last_successful_cycle=cycle)

    assert past_cycles(job, [past("2026-11-24T01:00:00Z", exported=7), past(at, exported=2)]) == [
        past("2026-11-24T01:00:00Z", exported=7),
        past("2026-11-24T02:01:00Z", exported=3),
    ]


def test_without_a_log_the_jobs_cycles_are_listed() -> None:
    """Without a log, the list has the job's cycles, except one that has not ended yet."""
    job = JobStatus(
        schedule_state="Active",
        status_code="Quarantine",
        last_cycle=Cycle(state="Failed", ended="2026-11-24T03:00:00Z"),
        last_successful_cycle=Cycle(state="Succeeded"),
        last_successful_cycle_with_exports=Cycle(
            state="EntryLevelErrors", ended="2026-11-24T02:00:00Z", counts={"exported": 1, "escrowed": 2}
        ),
    )

    assert past_cycles(job, []) == [
        past("2026-11-24T02:00:00Z", "EntryLevelErrors", exported=1, escrowed=2),
        past("2026-11-24T03:00:00Z", "Failed"),
    ]


def test_only_the_newest_are_listed() -> None:
    """The list has only the newest cycles, because a busy job has many in two days."""
    many = [past(f"2026-11-24T00:{minute:02}:00Z") for minute in range(50)]

    found = past_cycles(JobStatus(schedule_state="Active", status_code="Active"), many)

    assert found == many[-MOST_CYCLES:]
