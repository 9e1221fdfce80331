"""Judges a synchronization job's health by its own document, without the provisioning log. Pure: sends no request.

Without its optional permissions, the log cannot be read. The job alone shows whole failed cycles, failed objects, and
how old the last cycle is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final

from kzero_scim.entra.synchronization_job import ACTIVE, Cycle, JobStatus

INTERVAL: Final = timedelta(minutes=40)
"""The time between two cycles, if the job does not say."""
_LONGEST_INTERVAL: Final = timedelta(days=1)
"""Entra writes the largest possible interval for a job that never runs by itself."""
MISSED: Final = 9
"""Intervals without a finished cycle after which a job counts as stale. A cycle over many users takes hours."""
_DURATION: Final = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)(?:\.\d+)?S)?)?")
_ENTRY_LEVEL_ERRORS: Final = "EntryLevelErrors"
_STATES: Final = frozenset({"Succeeded", "Failed", _ENTRY_LEVEL_ERRORS})


class Word(StrEnum):
    """A job's health in one word, worst first."""

    QUARANTINE = "quarantine"
    PAUSED = "paused"
    """It does not run, although the stack says ON."""
    RUNNING = "running"
    """It runs, although the stack says OFF."""
    FAILING = "failing"
    """The last cycle failed as a whole."""
    STALE = "stale"
    """The last cycle is too old."""
    ERRORS = "errors"
    """Users or groups failed."""
    UNKNOWN = "unknown"
    """Entra does not show enough, for example before the first cycle."""
    OFF = "off"
    """It does not run, as the stack says."""
    HEALTHY = "healthy"


@dataclass(frozen=True, kw_only=True)
class Health:
    """A job's health.

    Attributes:
        word: The worst that was found.
        reason: Everything that was found, in one line; ``""`` if the job is healthy or off.
    """

    word: Word
    reason: str = ""

    @property
    def needs_no_action(self) -> bool:
        """Whether the job was seen to be as its stack says."""
        return self.word in {Word.HEALTHY, Word.OFF}


def judge_job(job: JobStatus, *, wanted: bool, in_error: int | None, now: datetime) -> Health:
    """Return a job's health.

    Args:
        job: The job.
        wanted: Whether the stack says that provisioning is ON.
        in_error: Number of users and groups in error in the provisioning log; None if the log was not read.
        now: The time.
    """
    found = dict(_findings(job, wanted=wanted, in_error=in_error, now=now))
    word = next((word for word in Word if word in found), Word.HEALTHY if wanted else Word.OFF)
    return Health(word=word, reason="; ".join(reason for reason in found.values() if reason))


def _findings(job: JobStatus, *, wanted: bool, in_error: int | None, now: datetime) -> Iterator[tuple[Word, str]]:
    """Yield each finding: its word, and its reason if the job's other facts do not contain it."""
    if job.quarantine is not None:
        yield Word.QUARANTINE, ""
        return
    if not job.schedule_state:
        yield Word.UNKNOWN, "Entra does not show whether the job runs"
    elif wanted and job.schedule_state != ACTIVE:
        yield Word.PAUSED, ""
    elif not wanted and job.schedule_state == ACTIVE:
        yield Word.RUNNING, "the job runs, although the stack says OFF"
    if wanted:
        yield from _of_cycles(job, in_error, now)


def _of_cycles(job: JobStatus, in_error: int | None, now: datetime) -> Iterator[tuple[Word, str]]:
    last, failed = job.last_cycle, job.successive_failures or 0
    if (last is not None and last.state == "Failed") or failed:
        times = f"the last {failed} cycles" if failed > 1 else "the last cycle"
        error = f": {last.error}" if last is not None and last.error else ""
        yield Word.FAILING, f"{times} failed as a whole{error}"
    escrowed = _escrowed(last)
    if in_error:
        yield Word.ERRORS, ""
    elif escrowed or (last is not None and last.state == _ENTRY_LEVEL_ERRORS):
        number = f"{escrowed} users or groups" if escrowed else "users or groups"
        yield Word.ERRORS, f"{number} failed in the last cycle; see the job's provisioning logs in the portal"
    if last is None:
        yield Word.UNKNOWN, f"no cycle has finished yet{f' (status {job.status_code})' if job.status_code else ''}"
    elif last.state not in _STATES:
        yield Word.UNKNOWN, f'Entra does not show how the last cycle ended (state "{last.state}")'
    else:
        yield from _of_age(last, job.interval, now)


def _of_age(last: Cycle, interval: str | None, now: datetime) -> Iterator[tuple[Word, str]]:
    moment = _moment(last.ended or last.began)
    if moment is None:
        yield Word.UNKNOWN, "Entra does not show when the last cycle ended"
        return
    every = min(_duration(interval) or INTERVAL, _LONGEST_INTERVAL)
    age = now - moment
    if age > MISSED * every:
        missed = f"the last cycle ended {_in_words(age)} ago, but one should run every {_in_words(every)}"
        yield Word.STALE, f"{missed}; check the job in the portal (a cycle over very many users can take hours)"


def _escrowed(cycle: Cycle | None) -> int:
    """Return how many objects failed in a cycle."""
    counts = {} if cycle is None else cycle.counts
    # The raw count also contains objects that Entra itself holds back.
    return counts.get("escrowed", counts.get("escrowedRaw", 0))


def _moment(text: str | None) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _duration(text: str | None) -> timedelta | None:
    """Return an ISO 8601 duration without years and months; None if it is another text, or zero."""
    found = _DURATION.fullmatch(text or "")
    if found is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    try:
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds) or None
    except OverflowError:
        return timedelta.max


def _in_words(span: timedelta) -> str:
    minutes = round(span.total_seconds() / 60)
    for unit, size in (("day", 24 * 60), ("hour", 60)):
        if minutes >= 2 * size:
            return f"{minutes // size} {unit}s"
    return f"{minutes} minutes"
