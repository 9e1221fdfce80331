"""Finds out from both services' logs who changed what a stack owns, and when. Changes nothing.

Entra's directory audit requires AuditLog.Read.All and Directory.Read.All, Keycloak's admin events the role view-events.
All are optional; a note says what could not be read. Each log is read once, on first use.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote

from kzero_scim.clients.graph.client import odata_quote
from kzero_scim.display import listed
from kzero_scim.errors import GraphError, KeycloakError, KzeroScimError
from kzero_scim.provider import audit_events
from kzero_scim.provider.audit_events import AuditEvent, latest
from kzero_scim.provider.provisioning_log import why_unread
from kzero_scim.provider.services import Services
from kzero_scim.resource.model import AdminEvents, Change, Resource, Sides
from kzero_scim.resource.paths import top_level
from kzero_scim.resource.reading import Present

Kind = type[Resource[Any, Any]]

KEEPS: Final = timedelta(days=30)
"""How long Entra keeps its audit (7 days without P1)."""
MOST_ENTRIES: Final = 500
MOST_EVENTS: Final = 200
_LISTED: Final = 5
"""The most properties of one change to name."""


class Attribution:
    """Who changed what, for one tenant.

    Args:
        services: The clients.

    Attributes:
        notes: What could not be found out and why, without duplicates.
        unread: Why Entra's audit could not be read.
    """

    def __init__(self, services: Services) -> None:
        """Send no request yet."""
        self._services = services
        self._asked: dict[str, asyncio.Task[list[Any]]] = {}
        self.notes: list[str] = []
        self.unread: list[str] = []

    async def of(self, kind: Kind, sides: Sides, changes: Sequence[Change]) -> dict[str, AuditEvent]:
        """Return who made the differences of one resource.

        Args:
            kind: The resource's class.
            sides: The resource.
            changes: The differences.

        Returns:
            The author and time by property path, as far as the logs contain them.
        """
        result: dict[str, AuditEvent] = {}
        for change in changes:
            about = kind.changed_objects(sides, change)
            if about is None:
                continue
            if activities := kind.facts.audit_activities:
                event = await self.in_entra(sides.state.service_principal_id, activities, about)
            else:
                event = await self._in_keycloak(kind.admin_events(sides.state), sides.state.realm, about)
            if event is not None:
                result[change.path] = event
        return result

    async def in_entra(self, object_id: str, activities: Sequence[str], about: Sequence[str] = ()) -> AuditEvent | None:
        """Return the latest change of a directory object by another account, or None.

        Args:
            object_id: The application's or service principal's object ID.
            activities: Entra's names for such changes.
            about: IDs or names of users and groups, one of which the change must concern.
        """
        return latest(await self.entra_events(object_id, activities), about)

    async def entra_events(self, object_id: str, activities: Sequence[str]) -> list[AuditEvent]:
        """Return the changes of a directory object from the audit."""
        entries = await self._once(f"entra/{object_id}", lambda: self._audit(object_id))
        events = audit_events.entra_events(entries, activities, self._services.config.client_id)
        return [event for event in events if object_id.casefold() in event.about]

    async def _in_keycloak(self, wanted: AdminEvents | None, realm: str, about: Sequence[str]) -> AuditEvent | None:
        if wanted is None:
            return None
        kinds, within = [*wanted.kinds], wanted.client_uuid
        if wanted.client_id is not None:
            within = await self._client_uuid(realm, wanted.client_id)
            if within is None:
                return None
        events = await self._once(f"keycloak/{kinds}", lambda: self._events(realm, kinds))
        candidates = [event for event in events if within is None or within.casefold() in event.about]
        return latest(candidates, about)

    async def _once(self, key: str, ask: Callable[[], Awaitable[list[Any]]]) -> list[Any]:
        if key not in self._asked:
            self._asked[key] = asyncio.ensure_future(ask())
        return await asyncio.shield(self._asked[key])

    async def _audit(self, object_id: str) -> list[Any]:
        since = (datetime.now(UTC) - KEEPS).strftime("%Y-%m-%dT%H:%M:%SZ")
        query = {
            "$filter": f"activityDateTime ge {since} and targetResources/any(t:t/id eq {odata_quote(object_id)})",
            "$orderby": "activityDateTime desc",
            "$top": "100",
        }
        try:
            return await self._services.graph.pages("/auditLogs/directoryAudits", query, at_most=MOST_ENTRIES)
        except GraphError as error:
            reason = why_unread(error)
            self.unread = list(dict.fromkeys([*self.unread, reason]))
            self._note(f"could not find out who changed Entra: {reason}")
            return []

    async def _events(self, realm: str, kinds: list[str]) -> list[Any]:
        try:
            answer = await self._services.keycloak.look_at(
                realm,
                "/admin-events",
                doing=f'reading the admin events of realm "{realm}"',
                role="view-events",
                resourceTypes=kinds,
                max=MOST_EVENTS,
            )
            rows = [event for event in answer if isinstance(event, Mapping)] if isinstance(answer, list) else []
            events = [event for event in rows if event.get("resourceType") in {None, *kinds}]
            if not events:
                await self._say_if_off(realm)
            names = {key: await self._who(realm, key) for key in {_user(event) for event in events}}
        except KzeroScimError as error:
            denied = isinstance(error, KeycloakError) and error.is_forbidden
            reason = (
                "the account lacks the role view-events of client realm-management (optional)" if denied else str(error)
            )
            self._note(f"could not find out who changed KZero: {reason}")
            return []
        own = self._own_name()
        return [
            audit_events.keycloak_event(event, names[_user(event)], own=names[_user(event)].casefold() == own)
            for event in events
        ]

    async def _say_if_off(self, realm: str) -> None:
        doing = f'reading the event settings of realm "{realm}"'
        settings = await self._services.keycloak.look_at(realm, "/events/config", doing=doing, role="view-events")
        if not (isinstance(settings, Mapping) and settings.get("adminEventsEnabled")):
            reason = f'realm "{realm}" does not save admin events; switch them on in Realm settings > Events'
            self._note(f"could not find out who changed KZero: {reason}")

    async def _who(self, realm: str, user_id: str) -> str:
        if not user_id:
            return "someone"
        doing = f'looking up who changed realm "{realm}"'
        try:
            path = f"/users/{quote(user_id, safe='')}"
            user = await self._services.keycloak.look_at(realm, path, doing=doing, role="view-users")
        except KeycloakError:
            return f"user {user_id}"  # of another realm, or gone
        return str((user.get("username") if isinstance(user, Mapping) else None) or f"user {user_id}")

    def _own_name(self) -> str:
        credentials = self._services.keycloak.credentials
        return str(credentials.username or f"service-account-{credentials.client_id}").casefold()

    async def _client_uuid(self, realm: str, client_id: str) -> str | None:
        """Return Keycloak's ID of a client; None if it is gone or not visible, so that its events are not known."""
        answer = await self._services.keycloak.client(realm, client_id)
        return str(answer.value["id"]) if isinstance(answer, Present) else None

    def _note(self, note: str) -> None:
        if note not in self.notes:
            self.notes.append(note)


async def who_changed(services: Services, kind: Kind, sides: Sides, changes: Sequence[Change]) -> list[str]:
    """Return one line for each person who changed a resource by hand, with the time.

    Args:
        services: The clients.
        kind: The resource's class.
        sides: The resource.
        changes: The differences.

    Returns:
        The lines; empty if the logs do not contain it or cannot be read.
    """
    changes = [change for change in changes if top_level(change.path) not in kind.facts.own_course]
    if not (kind.facts.audit_activities or kind.facts.admin_events) or not changes:
        return []
    try:
        known = await Attribution(services).of(kind, sides, changes)
    except KzeroScimError:
        return []  # the drift is reported without it
    by_event: dict[tuple[str, str], list[str]] = {}
    for path, event in known.items():
        by_event.setdefault((event.who, event.second), []).append(path)
    return [f"{listed(paths, _LISTED)} changed by {who} at {when}" for (who, when), paths in by_event.items()]


def _user(event: Mapping[str, Any]) -> str:
    details = event.get("authDetails")
    return str(details.get("userId") or "") if isinstance(details, Mapping) else ""
