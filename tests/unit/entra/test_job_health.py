"""A job's health, judged by the job alone."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest

from kzero_scim.entra.job_health import judge_job
from kzero_scim.entra.synchronization_job import parse_job

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
RECENT = "2026-11-28T11:30:00Z"


def execution(state: str = "Succeeded", ended: str = RECENT, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return an execution in Graph's format."""
    return {"state": state, "timeBegan": ended, "timeEnded": ended, **more}


def judged(
    last: dict[str, Any] | None,
    *,
    state: str = "Active",
    interval: str | None = "PT40M",
    wanted: bool = True,
    in_error: int | None = None,
    **status: Any,  # noqa: ANN401 - JSON
) -> tuple[str, str]:
    """Return the word and the reason for a job."""
    document = {
        "schedule": {"state": state, "interval": interval},
        "status": {"code": "Active", "lastExecution": last, **status},
    }
    health = judge_job(parse_job(document), wanted=wanted, in_error=in_error, now=NOW)
    assert health.needs_no_action == (health.word in {"healthy", "off"})
    return health.word, health.reason


@pytest.mark.parametrize("in_error", [0, None])
def test_a_recent_cycle_without_failures_is_healthy(in_error: int | None) -> None:
    """A recent cycle without failures is healthy, whether or not the log could be read."""
    assert judged(execution(countEscrowed=0), in_error=in_error) == ("healthy", "")


@pytest.mark.parametrize(
    ("last", "status", "word", "reason"),
    [
        (execution("Failed", error={"code": "Bad", "message": "404"}), {}, "failing", "the last cycle.*Bad: 404"),
        (execution("Failed"), {"countSuccessiveCompleteFailures": 3}, "failing", "the last 3 cycles failed"),
        (execution(), {"countSuccessiveCompleteFailures": "1"}, "failing", "the last cycle failed"),
        (execution(countEscrowed=2), {}, "errors", "2 users or groups failed"),
        (execution("EntryLevelErrors"), {}, "errors", "users or groups failed"),
        (execution(countEscrowedRaw=4), {}, "errors", "4 users or groups"),
        (execution(ended="2026-11-07T12:00:00Z"), {}, "stale", "21 days ago.*every 40 minutes"),
        (execution(ended="2026-11-28T05:00:00Z"), {}, "stale", "7 hours ago"),
        (execution("Failed", ended="2026-11-07T12:00:00Z"), {}, "failing", "failed as a whole.*21 days ago"),
        (None, {}, "unknown", "no cycle has finished yet"),
        (None, {"code": "NotRun"}, "unknown", "NotRun"),
        (execution(""), {}, "unknown", "how the last cycle ended"),
        (execution("Paused"), {}, "unknown", '"Paused"'),
        ({"state": "Succeeded"}, {}, "unknown", "when the last cycle ended"),
        (execution(ended="yesterday"), {}, "unknown", "when the last cycle ended"),
        (execution(ended="0001-01-01T00:00:00Z"), {}, "unknown", "when the last cycle ended"),
    ],
)
@pytest.mark.parametrize("in_error", [0, None])
def test_the_job_alone_shows_what_is_wrong(
    last: dict[str, Any] | None, status: dict[str, Any], word: str, reason: str, in_error: int | None
) -> None:
    """Failed cycles, failed users and an old cycle are found without the log, and an empty log does not hide them."""
    found, why = judged(last, in_error=in_error, **status)
    assert found == word

    assert re.search(reason, why), why


@pytest.mark.parametrize(
    ("interval", "word"),
    [
        ("PT40M", "stale"),
        (None, "stale"),
        ("", "stale"),
        ("PT0S", "stale"),
        ("P10675199DT2H48M5.4775807S", "healthy"),
        ("P1D", "healthy"),
        ("PT1H", "healthy"),
        ("soon", "stale"),
        (f"P{'9' * 30}D", "healthy"),
    ],
)
def test_the_age_of_the_last_cycle_counts_in_intervals(interval: str | None, word: str) -> None:
    """Nine missed intervals make a job stale; without a usable interval, it is 40 minutes."""
    assert judged(execution(ended="2026-11-28T04:00:00Z"), interval=interval)[0] == word


def test_an_interval_of_centuries_does_not_make_an_old_cycle_healthy() -> None:
    """The longest interval that counts is a day."""
    assert judged(execution(ended="2026-11-01T04:00:00Z"), interval="P10675199DT2H48M5.4775807S")[0] == "stale"


@pytest.mark.parametrize(
    ("wanted", "state", "word"),
    [
        (True, "Paused", "paused"),
        (True, "Disabled", "paused"),
        (True, "", "unknown"),
        (False, "Paused", "off"),
        (False, "Disabled", "off"),
        (False, "", "unknown"),
        (False, "Active", "running"),
    ],
)
def test_the_schedule_must_be_as_the_stack_says(*, wanted: bool, state: str, word: str) -> None:
    """A job that runs although the stack says OFF is not healthy, and a job without a schedule is unknown."""
    assert judged(execution(), wanted=wanted, state=state)[0] == word


def test_a_job_that_is_off_is_not_judged_by_its_last_cycle() -> None:
    """An old failure does not matter while the stack says OFF."""
    assert judged(execution("Failed", ended="2026-01-01T00:00:00Z"), wanted=False, state="Paused") == ("off", "")


def test_the_worst_comes_first_and_nothing_is_left_out() -> None:
    """The word is the worst that was found, and the reason names the rest."""
    word, reason = judged(execution("Failed", ended="2026-11-07T12:00:00Z", countEscrowed=3))
    assert word == "failing"
    assert "3 users or groups" in reason
    assert "21 days ago" in reason
    quarantine = {"reason": "EncounteredQuarantineException"}
    assert judged(execution("Failed"), quarantine=quarantine, code="Quarantine") == ("quarantine", "")
    assert judged(execution(), in_error=2) == ("errors", "")
