"""Authors of changes, from Entra's audit and Keycloak's admin events."""

from __future__ import annotations

from typing import Any

import pytest

from kzero_scim.provider.audit_events import AuditEvent, entra_events, keycloak_event, latest
from kzero_scim.provider.entra.app_role_assignments.facts import FACTS

OWN = "11111111-0000-4000-8000-000000000001"


def entry(by: dict[str, Any], when: str = "2026-11-24T08:00:00.123Z", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return an entry in Graph's documented form."""
    return {
        "activityDisplayName": "Remove app role assignment from user",
        "activityDateTime": when,
        "result": "success",
        "initiatedBy": by,
        "targetResources": [{"id": "SP", "displayName": "KZero"}, {"id": "U1", "userPrincipalName": "alex@c.example"}],
        **more,
    }


@pytest.mark.parametrize(
    ("by", "who", "own"),
    [
        ({"user": {"userPrincipalName": "robin@c.example", "id": "7"}, "app": None}, "robin@c.example", False),
        ({"user": {"userPrincipalName": None, "id": "7"}}, "7", False),
        ({"app": {"displayName": "Pipeline", "appId": "2"}, "user": None}, "application Pipeline", False),
        ({"app": {"displayName": None, "appId": OWN.upper()}}, f"application {OWN.upper()}", True),
        ({"user": {"userPrincipalName": "robin@c.example"}, "app": {"appId": OWN}}, "robin@c.example", False),
        ({}, "someone", False),
        ({"user": None, "app": None}, "someone", False),
    ],
)
def test_who_it_was(by: dict[str, Any], who: str, own: bool) -> None:  # noqa: FBT001 - a column of the table
    """A person takes precedence over the application; our own application is recognized by its ID."""
    [event] = entra_events([entry(by)], FACTS.audit_activities, OWN)

    assert (event.who, event.own) == (who, own)
    assert event.second == "2026-11-24T08:00:00Z"


def test_failed_and_other_activities_are_ignored() -> None:
    """Failed, other and empty entries are ignored."""
    entries = [entry({}, result="failure"), entry({}, activityDisplayName="Update user"), {}, {"targetResources": None}]

    assert entra_events(entries, FACTS.audit_activities, OWN) == []


def test_the_latest_change_by_another_account_counts() -> None:
    """The latest change by another account counts, never our own."""
    mine = AuditEvent(who="us", when="2026-11-24T12:00:00Z", own=True, about=frozenset({"alex"}))
    early = AuditEvent(who="robin", when="2026-11-24T08:00:00Z", about=frozenset({"alex"}))
    late = AuditEvent(who="sam", when="2026-11-24T09:00:00Z", about=frozenset({"alex"}))
    other = AuditEvent(who="kim", when="2026-11-24T10:00:00Z", about=frozenset({"morgan"}))

    assert latest([mine, early, late, other], ["Alex"]) == late
    assert latest([mine, early, late, other]) == other
    assert latest([mine], ["alex"]) is None


def test_an_admin_event() -> None:
    """An admin event has its time in milliseconds, and its path names client and mapper."""
    event = {"time": 1795507201000, "resourcePath": "clients/C1/protocol-mappers/models/M1"}

    found = keycloak_event(event, "tenant-admin", own=False)

    assert found.when == "2026-11-24T08:00:01Z"
    assert {"c1", "m1"} <= found.about
    assert keycloak_event({}, "x", own=True).when == ""
