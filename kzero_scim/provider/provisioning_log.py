"""Reads Graph's provisioning log of one job: the users and groups in error, and the cycles. Changes nothing.

https://learn.microsoft.com/graph/api/provisioningobjectsummary-list. The log requires AuditLog.Read.All,
Directory.Read.All and Entra ID P1. Without them a note says so, which is not an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from kzero_scim.clients.graph.client import GraphClient, odata_quote
from kzero_scim.entra.cycle_history import PastCycle, logged_cycles
from kzero_scim.errors import GraphError
from kzero_scim.resource.formats import same_id

LOOKS_BACK: Final = timedelta(hours=48)
"""Entra retries a failed object within 24 hours, so the log of this period contains every object in error."""
MOST_ENTRIES: Final = 5000
"""The most entries to read, newest first."""
DENIED: Final = "the application lacks AuditLog.Read.All and Directory.Read.All, which Entra's logs require (optional)"
_PAGE: Final = "500"


@dataclass(frozen=True, kw_only=True)
class ObjectInError:
    """A user or group whose last provisioning failed.

    Attributes:
        name: User principal name or display name from the log; the object ID if it has none.
        kind: User or Group.
        id: Object ID in Entra.
        action: The action that Entra tried: create, update, disable, delete, other.
        code: Entra's error code.
        message: Entra's message.
        at: When it failed, ISO 8601.
    """

    name: str
    kind: str
    id: str
    action: str
    code: str
    message: str
    at: str


@dataclass(frozen=True, kw_only=True)
class LogReading:
    """The content of the log.

    Attributes:
        in_error: Objects whose last provisioning failed, latest first; empty if the log could not be read.
        cycles: The cycles with their counts, oldest first.
        note: What could not be read and why; ``""`` if everything was read.
        read: Whether the log could be read.
    """

    in_error: tuple[ObjectInError, ...] = ()
    cycles: tuple[PastCycle, ...] = ()
    note: str = ""
    read: bool = True


async def read_log(graph: GraphClient, job_id: str, *, now: datetime | None = None) -> LogReading:
    """Return a job's log of the last two days.

    Args:
        graph: Microsoft Graph.
        job_id: The synchronization job.
        now: The time, for tests.
    """
    since = ((now or datetime.now(UTC)) - LOOKS_BACK).strftime("%Y-%m-%dT%H:%M:%SZ")
    query = {
        "$filter": f"jobId eq {odata_quote(job_id)} and activityDateTime gt {since}",
        "$orderby": "activityDateTime desc",
        "$top": _PAGE,
    }
    try:
        entries = await graph.pages("/auditLogs/provisioning", query, at_most=MOST_ENTRIES)
    except GraphError as error:
        return LogReading(note=f"users in error are unknown: {why_unread(error)}", read=False)
    note = ""
    is_cut = len(entries) >= MOST_ENTRIES
    entries = [entry for entry in entries if same_id(str(entry.get("jobId") or job_id), job_id)]
    entries.sort(key=lambda entry: str(entry.get("activityDateTime") or ""), reverse=True)
    if is_cut:
        note = f"read only the newest {MOST_ENTRIES} entries of the provisioning log; earlier errors are not shown"
    return LogReading(in_error=tuple(objects_in_error(entries)), cycles=tuple(logged_cycles(entries)), note=note)


def why_unread(error: GraphError) -> str:
    """Return why one of Entra's logs could not be read: the missing, optional permissions, or the error itself."""
    return DENIED if error.is_forbidden and error.code == "Authorization_RequestDenied" else str(error)


def objects_in_error(entries: Iterable[Mapping[str, Any]]) -> list[ObjectInError]:
    """Return the objects whose latest entry is a failure.

    Args:
        entries: ``provisioningObjectSummary`` documents, newest first; any field may be missing.
    """
    latest: dict[str, Mapping[str, Any]] = {}
    for entry in entries:
        source = _mapping(entry.get("sourceIdentity"))
        key = str(source.get("id") or source.get("displayName") or "")
        if key:
            latest.setdefault(key, entry)
    return [_in_error(key, entry) for key, entry in latest.items() if _status(entry) == "failure"]


def _in_error(key: str, entry: Mapping[str, Any]) -> ObjectInError:
    source = _mapping(entry.get("sourceIdentity"))
    error = _mapping(_mapping(entry.get("provisioningStatusInfo")).get("errorInformation"))
    message = str(error.get("reason") or error.get("additionalDetails") or "Entra gave no reason")
    return ObjectInError(
        name=str(source.get("displayName") or key),
        kind=str(source.get("identityType") or ""),
        id=str(source.get("id") or ""),
        action=str(entry.get("provisioningAction") or "other"),
        code=str(error.get("errorCode") or ""),
        message=" ".join(message.split()),
        at=str(entry.get("activityDateTime") or ""),
    )


def _status(entry: Mapping[str, Any]) -> str:
    return str(_mapping(entry.get("provisioningStatusInfo")).get("status") or "").casefold()


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
