"""Objects in error, from entries of the provisioning log."""

from __future__ import annotations

from typing import Any

import pytest

from kzero_scim.provider.provisioning_log import ObjectInError, objects_in_error


def entry(name: str, status: str, at: str = "2026-11-24T08:00:00Z", **error: Any) -> dict[str, Any]:  # noqa: ANN401 - JSON
    """Return an entry in Graph's documented form."""
    return {
        "activityDateTime": at,
        "provisioningAction": "create",
        "provisioningStatusInfo": {"status": status, "errorInformation": error or None},
        "sourceIdentity": {"id": f"id-of-{name}", "displayName": name, "identityType": "User", "details": {}},
    }


def test_the_latest_entry_of_each_object_decides() -> None:
    """Only an object's latest entry counts: a later success ends an error."""
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
def test_an_incomplete_entry_is_no_error(document: dict[str, Any]) -> None:
    """An incomplete entry puts no object in error."""
    assert objects_in_error([document]) == []


def test_a_failure_without_a_reason_still_counts() -> None:
    """An object whose failure has no reason is still in error."""
    [found] = objects_in_error([{"sourceIdentity": {"id": "x"}, "provisioningStatusInfo": {"status": "Failure"}}])

    assert (found.name, found.message) == ("x", "Entra gave no reason")
