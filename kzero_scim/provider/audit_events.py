"""Reads who changed what, and when, from Entra's directory audit and Keycloak's admin events. Pure: sends no request.

Formats: https://learn.microsoft.com/graph/api/resources/directoryaudit and Keycloak's ``AdminEventRepresentation``.
Entra's activities:
https://learn.microsoft.com/entra/identity/monitoring-health/reference-audit-activities.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

APPLICATION: Final = ("Update application", "Delete application", "Update service principal")


@dataclass(frozen=True, kw_only=True)
class AuditEvent:
    """Who changed something, and when.

    Attributes:
        who: User principal name, user name or name of an application.
        when: ISO 8601, UTC.
        own: Whether it was the account that this stack signs in with.
        about: IDs and names of the changed objects, case-folded.
    """

    who: str
    when: str
    own: bool = False
    about: frozenset[str] = frozenset()

    @property
    def second(self) -> str:
        """The time without fractions of a second."""
        return to_second(self.when)


def to_second(moment: str) -> str:
    """Return a time in UTC, ISO 8601, without fractions of a second."""
    return re.sub(r"\.\d+(?=Z$)", "", moment)


def entra_events(
    entries: Iterable[Mapping[str, Any]], activities: Iterable[str], own_app: str | None
) -> list[AuditEvent]:
    """Return the successful entries of some activities, in the given order.

    Args:
        entries: ``directoryAudit`` documents.
        activities: The activities, by ``activityDisplayName``.
        own_app: The application (client) ID that this stack signs in with.
    """
    wanted = {activity.casefold() for activity in activities}
    return [
        _entra_event(entry, own_app)
        for entry in entries
        if str(entry.get("activityDisplayName") or "").casefold() in wanted
        and str(entry.get("result") or "success").casefold() == "success"
    ]


def _entra_event(entry: Mapping[str, Any], own_app: str | None) -> AuditEvent:
    by = _mapping(entry.get("initiatedBy"))
    user, app = _mapping(by.get("user")), _mapping(by.get("app"))
    person = _first(user, "userPrincipalName", "displayName", "id")
    application = _first(app, "displayName", "appId", "servicePrincipalId")
    targets = entry.get("targetResources")
    names = [
        str(target[key]).casefold()
        for target in (targets if isinstance(targets, list) else [])
        if isinstance(target, Mapping)
        for key in ("id", "displayName", "userPrincipalName")
        if target.get(key)
    ]
    return AuditEvent(
        who=person or (f"application {application}" if application else "someone"),
        when=str(entry.get("activityDateTime") or ""),
        own=not person and own_app is not None and str(app.get("appId") or "").casefold() == own_app.casefold(),
        about=frozenset(names),
    )


def keycloak_event(event: Mapping[str, Any], who: str, *, own: bool) -> AuditEvent:
    """Return one admin event.

    Args:
        event: ``AdminEventRepresentation``; ``time`` is in milliseconds.
        who: The name of the user in ``authDetails``.
        own: Whether that is the account that this stack signs in with.
    """
    moment = event.get("time")
    when = datetime.fromtimestamp(moment / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") if isinstance(moment, int) else ""
    path = str(event.get("resourcePath") or "")
    return AuditEvent(who=who, when=when, own=own, about=frozenset(part.casefold() for part in path.split("/") if part))


def latest(events: Iterable[AuditEvent], about: Iterable[str] = ()) -> AuditEvent | None:
    """Return the latest change by another account, or None.

    Args:
        events: In any order.
        about: IDs or names, one of which the change must concern; empty for any change.
    """
    wanted = {name.casefold() for name in about}
    others = [event for event in events if not event.own and (not wanted or wanted & event.about)]
    return max(others, key=lambda event: event.when, default=None)


def _first(document: Mapping[str, Any], *names: str) -> str:
    return next((str(document[name]) for name in names if document.get(name)), "")


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
