"""Who is in error, read from provisioning log entries."""

from __future__ import annotations

from typing import Any

import pytest

from kzero_scim.provider.provisioning_log import ObjectInError, objects_in_error


def entry(name: str, status: str, at: str = "2026-11-24T08:00:00Z", **error: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Make an entry as Graph documents it."""
    return {
        "activityDateTime": at,
        "provisioningAction": "create",
        "provisioningStatusInfo": {"status": status, "errorInformation": error or None},
        "sourceIdentity": {"id": f"id-of-{name}", "displayName": name, "identityType": "User", "details": {}},
    }


def test_the_latest_entry_of_each_object_decides() -> None:
    """A failure that has been made good is none any more, and one that comes again counts once."""
    entries = [
        entry("alex", "failure", errorCode="Conflict", reason="409:\n taken"),
        entry("morgan", "success"),
        entry("robin", "skipped"),
        entry("alex", "failure", "2026-11-24T07:00:00Z", errorCode="Older"),
        entry("morgan", "failure", "2026-11-24T07:00:00Z", errorCode="Conflict"),
    ]

    assert objects_in_error(entries) == [
        ObjectInError(
            name="alex",
            kind="User",
            id="id-of-alex",
            action="create",
            code="Conflict",
            message="409: taken",
            at="2026-11-24T08:00:00Z",
        )
    ]


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"sourceIdentity": None, "provisioningStatusInfo": None},
        {"sourceIdentity": [], "provisioningStatusInfo": {"status": "failure"}},
        {"sourceIdentity": {"id": "x"}, "provisioningStatusInfo": {"status": 3}},
    ],
)
def test_odd_entries_accuse_nobody(document: dict[str, Any]) -> None:
    """Graph leaves fields out."""
    assert objects_in_error([document]) == []


def test_a_failure_without_a_reason_still_counts() -> None:
    """Nobody in error is passed over."""
    [found] = objects_in_error([{"sourceIdentity": {"id": "x"}, "provisioningStatusInfo": {"status": "Failure"}}])

    assert (found.name, found.message) == ("x", "Entra gives no reason")
