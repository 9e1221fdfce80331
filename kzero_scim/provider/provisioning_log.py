"""Graph's provisioning log of one job: which users and groups are in error now, in Entra's words.

https://learn.microsoft.com/graph/api/provisioningobjectsummary-list. The log needs AuditLog.Read.All and
Directory.Read.All, and Entra ID P1; without them it is said that it cannot be read, which is no error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from kzero_scim.clients.graph.client import GraphClient, odata_quote
from kzero_scim.entra.cycle_history import PastCycle, logged_cycles
from kzero_scim.errors import GraphError

LOOKS_BACK: Final = timedelta(hours=48)
"""Entra tries a failed object again after at most 24 hours, so that whoever is in error is in the log of this time."""
MOST_ENTRIES: Final = 5000
"""Entries that are read, the newest first."""
DENIED: Final = (
    "reading Entra's logs takes the application permissions AuditLog.Read.All and Directory.Read.All (optional)"
)
_PAGE: Final = "500"


@dataclass(frozen=True, kw_only=True)
class ObjectInError:
    """A user or group whose last provisioning failed.

    Attributes:
        name: User principal name or display name, as the log has it; the object id if it has none.
        kind: User or Group.
        id: Object id in Entra.
        action: What Entra tried: create, update, disable, delete, other.
        code: Entra's error code.
        message: Entra's message.
        at: When, ISO 8601.
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
    """What the log tells.

    Attributes:
        in_error: Whose last provisioning failed, the latest first; empty also where the log cannot be read.
        cycles: What was written and what failed in each cycle, the oldest first.
        note: What is not known and why, ``""`` if all is.
        read: Whether the log could be read.
    """

    in_error: tuple[ObjectInError, ...] = ()
    cycles: tuple[PastCycle, ...] = ()
    note: str = ""
    read: bool = True


async def read_log(graph: GraphClient, job_id: str, *, now: datetime | None = None) -> LogReading:
    """Read a job's log of the last two days.

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
        return LogReading(note=f"users in error are not known: {why_unread(error)}", read=False)
    note = ""
    if len(entries) >= MOST_ENTRIES:
        note = f"only the newest {MOST_ENTRIES} entries of the provisioning log were read; earlier errors are not shown"
    return LogReading(in_error=tuple(objects_in_error(entries)), cycles=tuple(logged_cycles(entries)), note=note)


def why_unread(error: GraphError) -> str:
    """Say why one of Entra's logs cannot be read: for want of a permission that nobody has to grant, or as it says."""
    return DENIED if error.is_forbidden and error.code == "Authorization_RequestDenied" else str(error)


def objects_in_error(entries: Iterable[Mapping[str, Any]]) -> list[ObjectInError]:
    """Find the objects whose latest entry is a failure.

    Args:
        entries: ``provisioningObjectSummary`` documents, the newest first; any field may be missing.
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
    message = str(error.get("reason") or error.get("additionalDetails") or "Entra gives no reason")
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
