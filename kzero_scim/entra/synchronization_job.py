"""Reads Microsoft Graph's ``synchronizationJob`` document, tolerantly. Pure: sends no request.

Format:
https://learn.microsoft.com/graph/api/resources/synchronization-synchronizationjob and ``-synchronizationstatus``.
Graph omits fields, writes "never" as the year 1, and may write counts as strings. None of these is an error here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from kzero_scim.errors import ProviderError
from kzero_scim.resource.model import Change, compare, prop, replacing

ACTIVE = "Active"
"""The schedule state of a job that runs its cycles."""

_NEVER = "0001-01-01"
_SUCCESSOR = "OutDelta"

_FIX_FIRST = "{} users fail; read the provisioning logs and fix the first failure"
_BY_MICROSOFT = "Microsoft put the job into quarantine; find the reason, then restart provisioning in the portal"
_ADVICE: dict[str, str] = {
    "EncounteredBaseEscrowThreshold": _FIX_FIRST.format("too many"),
    "EncounteredTotalEscrowThreshold": _FIX_FIRST.format("too many"),
    "EncounteredEscrowProportionThreshold": _FIX_FIRST.format("more than 40 % of the"),
    "EncounteredQuarantineException": "Entra could not use the endpoint; fix the cause, then run `pulumi up --refresh` "
    "to test the connection and continue provisioning",
    "QuarantinedOnDemand": _BY_MICROSOFT,
    "QuarantineOnDemand": _BY_MICROSOFT,
    "TooManyDeletes": "the accidental-deletion threshold held back deletions; allow or reject them in the portal. "
    "kzero-scim never restarts this job",
    "IngestionInterrupted": "Entra could not read its own directory; wait until Entra tries again",
}


@dataclass(frozen=True, kw_only=True)
class Cycle:
    """One provisioning cycle (Graph: ``synchronizationTaskExecution``)."""

    schema_module: ClassVar[str] = "entra"

    state: str = prop("Succeeded, Failed or EntryLevelErrors; empty if Entra does not say.")
    began: str | None = prop("When it began, ISO 8601.", default=None)
    ended: str | None = prop("When it ended, ISO 8601.", default=None)
    counts: dict[str, int] = prop(
        "Entra's counters of the cycle by name: imported, entitled, exported, escrowed and so on.", default_factory=dict
    )
    error: str | None = prop("Entra's error code and message, if the cycle failed.", default=None)


@dataclass(frozen=True, kw_only=True)
class Quarantine:
    """Why Entra has slowed the job down, and when it tries again (Graph: ``synchronizationQuarantine``)."""

    schema_module: ClassVar[str] = "entra"

    reason: str = prop("Entra's reason, such as EncounteredQuarantineException or TooManyDeletes.")
    began: str | None = prop("Since when, ISO 8601.", default=None)
    series_began: str | None = prop("When the first of several consecutive quarantines began, ISO 8601.", default=None)
    series_count: int | None = prop("Number of consecutive quarantines.", default=None)
    next_attempt: str | None = prop("When Entra tries again, ISO 8601.", default=None)
    error_code: str | None = prop("Entra's code of the error that caused the quarantine.", default=None)
    error_message: str | None = prop("Entra's message of that error.", default=None)
    what_to_do: str | None = prop("How to end the quarantine.", default=None)


@dataclass(frozen=True, kw_only=True)
class JobStatus:
    """The state of a synchronization job."""

    schedule_state: str = prop("Active, Paused or Disabled (never started).")
    status_code: str = prop("NotConfigured, NotRun, Active, Paused or Quarantine.")
    last_cycle: Cycle | None = prop("The latest provisioning cycle; absent before the first.", default=None)
    last_successful_cycle: Cycle | None = prop("The latest cycle that did not fail as a whole.", default=None)
    last_successful_cycle_with_exports: Cycle | None = prop(
        "The latest of these cycles that changed something in KZero.", default=None
    )
    successive_failures: int | None = prop("How many cycles in a row have failed as a whole.", default=None)
    synchronized_entries: dict[str, int] = prop(
        "How many objects Entra synchronizes, by type (User, Group).", default_factory=dict
    )
    quarantine: Quarantine | None = prop("Why the job is in quarantine; absent otherwise.", default=None)
    interval: str | None = prop("The time between two cycles, as an ISO 8601 duration.", default=None)


def parse_job(job: Mapping[str, Any]) -> JobStatus:
    """Return the state in a ``synchronizationJob`` document. Keeps unknown enumeration values.

    Args:
        job: Graph's document; any field may be missing.
    """
    status, schedule = _mapping(job.get("status")), _mapping(job.get("schedule"))
    return JobStatus(
        schedule_state=_text(schedule.get("state")) or "",
        status_code=_text(status.get("code")) or "",
        last_cycle=_cycle(_mapping(status.get("lastExecution"))),
        last_successful_cycle=_cycle(_mapping(status.get("lastSuccessfulExecution"))),
        last_successful_cycle_with_exports=_cycle(_mapping(status.get("lastSuccessfulExecutionWithExports"))),
        successive_failures=_number(status.get("countSuccessiveCompleteFailures")),
        synchronized_entries=_entries(status.get("synchronizedEntryCountByType")),
        quarantine=_quarantine(_mapping(status.get("quarantine")), status.get("code")),
        interval=_text(schedule.get("interval")),
    )


def quarantine_warning(status: JobStatus) -> str:
    """Return one line with the reason, the first and last error, and the remedy of a quarantine.

    Returns:
        The line; ``""`` if the job is not in quarantine.
    """
    quarantine = status.quarantine
    if quarantine is None:
        return ""
    first = ": ".join(part for part in (quarantine.error_code, quarantine.error_message) if part)
    last = status.last_cycle.error if status.last_cycle is not None else None
    failed = status.successive_failures or 0
    parts = [
        f"provisioning is in quarantine{f' since {quarantine.began}' if quarantine.began else ''}: {quarantine.reason}",
        f" ({first})" if first else "",
    ]
    if quarantine.series_began and quarantine.series_began != quarantine.began:
        parts.append(f"; the first of {quarantine.series_count or 'several'} in a row began {quarantine.series_began}")
    if failed > 1:
        parts.append(f"; the last {failed} cycles failed completely")
    if last and last != first:
        parts.append(f"; last error: {last}")
    if quarantine.next_attempt:
        parts.append(f"; Entra tries again at {quarantine.next_attempt}")
    parts.append(f". What to do: {quarantine.what_to_do}")
    return " ".join("".join(parts).split())


def jobs_path(service_principal_id: str) -> str:
    """Return Graph's path of a service principal's synchronization jobs, relative to ``/v1.0``."""
    return f"/servicePrincipals/{quote(service_principal_id, safe='')}/synchronization/jobs"


def job_path(service_principal_id: str, job_id: str) -> str:
    """Return Graph's path of a synchronization job, relative to ``/v1.0``."""
    return f"/servicePrincipals/{quote(service_principal_id, safe='')}/synchronization/jobs/{quote(job_id, safe='')}"


def template_name(template: str) -> str:
    """Return the name to use in requests for a template: Entra answers ``customappsso`` as ``customappssoOutDelta``."""
    return template[: -len(_SUCCESSOR)] if template.casefold().endswith(_SUCCESSOR.casefold()) else template


def same_template(one: str, other: str) -> bool:
    """Return whether two names mean the same template."""
    return template_name(one).casefold() == template_name(other).casefold()


def template_of(job_id: str) -> str:
    """Return the template in a job's ID, such as ``scim`` of ``scim.1234.5678``."""
    return job_id.partition(".")[0]


def same_job(one: object, other: object) -> bool:
    """Return whether two IDs are those of the same job. The ID begins with the template's name."""
    if not isinstance(one, str) or not isinstance(other, str):
        return False
    rest = (job_id.partition(".")[2].casefold() for job_id in (one, other))
    return same_template(template_of(one), template_of(other)) and len(set(rest)) == 1


def job_changes(old: Any, new: Any) -> list[Change]:  # noqa: ANN401 - an ID or UNKNOWN
    """Return the change of a resource's job, which replaces the resource."""
    return [] if same_job(old, new) else [replacing(change) for change in compare(old, new, "jobId")]


def job_resource_id(service_principal_id: str, job_id: str) -> str:
    """Return the resource ID for something that belongs to one synchronization job."""
    return f"{service_principal_id}/{job_id}"


def split_job_resource_id(resource_id: str) -> tuple[str, str]:
    """Return both parts of ``<servicePrincipalId>/<jobId>``, the ID that ``pulumi import`` takes.

    Raises:
        ProviderError: The ID has another form.
    """
    parts = resource_id.split("/")
    match parts:
        case [service_principal_id, job_id] if service_principal_id and job_id:
            return service_principal_id, job_id
        case _:
            message = (
                f"the ID {resource_id!r} is not valid; use <servicePrincipalId>/<jobId> from the stack's outputs, for "
                "example 00000000-0000-0000-0000-000000000000/scim.1234.5678"
            )
            raise ProviderError(message)


def _cycle(execution: Mapping[str, Any]) -> Cycle | None:
    began, ended = _moment(execution.get("timeBegan")), _moment(execution.get("timeEnded"))
    state = _text(execution.get("state"))
    if began is None and ended is None and state is None:
        return None
    counts = {
        name[len("count")].lower() + name[len("count") + 1 :]: number
        for name, value in execution.items()
        if name.startswith("count") and len(name) > len("count") and (number := _number(value)) is not None
    }
    return Cycle(
        state=state or "", began=began, ended=ended, counts=counts, error=_error(_mapping(execution.get("error")))
    )


def _quarantine(quarantine: Mapping[str, Any], code: object) -> Quarantine | None:
    reason = _text(quarantine.get("reason"))
    if reason is None and code != "Quarantine":
        return None
    error = _mapping(quarantine.get("error"))
    return Quarantine(
        reason=reason or "Unknown",
        began=_moment(quarantine.get("currentBegan")),
        series_began=_moment(quarantine.get("seriesBegan")),
        series_count=_number(quarantine.get("seriesCount")),
        next_attempt=_moment(quarantine.get("nextAttempt")),
        error_code=_text(error.get("code")),
        error_message=_text(error.get("message")),
        what_to_do=_ADVICE.get(reason or "", "read the job's provisioning logs in the portal, then restart it"),
    )


def _entries(pairs: object) -> dict[str, int]:
    if not isinstance(pairs, list):
        return {}
    found = ((_text(_mapping(pair).get("key")), _number(_mapping(pair).get("value"))) for pair in pairs)
    return {key: number for key, number in found if key is not None and number is not None}


def _error(error: Mapping[str, Any]) -> str | None:
    return ": ".join(part for part in (_text(error.get("code")), _text(error.get("message"))) if part) or None


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _moment(value: object) -> str | None:
    moment = _text(value)
    return None if moment is None or moment.startswith(_NEVER) else moment


def _number(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    return int(value) if isinstance(value, str) and value.isdecimal() else None
