"""Synchronization job documents: complete, partial and malformed."""

from __future__ import annotations

from typing import Any

import pytest

from kzero_scim.entra.synchronization_job import (
    Cycle,
    JobStatus,
    Quarantine,
    job_path,
    parse_job,
    quarantine_warning,
    split_job_resource_id,
)
from kzero_scim.errors import ProviderError

QUARANTINED: dict[str, Any] = {
    "id": "scim.1.2",
    "schedule": {"interval": "PT40M", "state": "Active"},
    "status": {
        "code": "Quarantine",
        "countSuccessiveCompleteFailures": 7,
        "lastSuccessfulExecution": {"state": "Succeeded", "timeEnded": "2026-11-22T07:01:00Z"},
        "lastExecution": {
            "state": "Failed",
            "timeBegan": "2026-11-24T07:00:00Z",
            "timeEnded": "2026-11-24T07:01:00Z",
            "countImported": 4,
            "countExports": "2",
            "countEscrowedRaw": None,
            "error": {"code": "Refused", "message": "No."},
        },
        "quarantine": {
            "reason": "EncounteredQuarantineException",
            "currentBegan": "2026-11-24T07:01:00Z",
            "seriesBegan": "2026-11-23T07:01:00Z",
            "seriesCount": 4,
            "nextAttempt": "2026-11-24T13:01:00Z",
            "error": {"code": "InvalidCredentials", "message": "Unauthorized"},
        },
        "synchronizedEntryCountByType": [{"key": "User", "value": 3}, {"key": "Group", "value": "1"}, {"key": None}],
    },
}


def test_a_whole_document() -> None:
    """A complete document is read with every part."""
    assert parse_job(QUARANTINED) == JobStatus(
        schedule_state="Active",
        status_code="Quarantine",
        last_cycle=Cycle(
            state="Failed",
            began="2026-11-24T07:00:00Z",
            ended="2026-11-24T07:01:00Z",
            counts={"imported": 4, "exports": 2},
            error="Refused: No.",
        ),
        last_successful_cycle=Cycle(state="Succeeded", ended="2026-11-22T07:01:00Z"),
        successive_failures=7,
        synchronized_entries={"User": 3, "Group": 1},
        quarantine=Quarantine(
            reason="EncounteredQuarantineException",
            began="2026-11-24T07:01:00Z",
            series_began="2026-11-23T07:01:00Z",
            series_count=4,
            next_attempt="2026-11-24T13:01:00Z",
            error_code="InvalidCredentials",
            error_message="Unauthorized",
            what_to_do="Entra could not use the endpoint; fix the cause, then run `pulumi up --refresh` to test the "
            "connection and continue provisioning",
        ),
        interval="PT40M",
    )


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"schedule": None, "status": None},
        {"status": {"lastExecution": None, "quarantine": None, "synchronizedEntryCountByType": None}},
        {"status": {"lastExecution": {"timeBegan": "0001-01-01T00:00:00Z", "timeEnded": "0001-01-01T00:00:00Z"}}},
        {"status": {"lastExecution": "odd", "quarantine": [], "synchronizedEntryCountByType": [None, {"value": 3}]}},
    ],
)
def test_missing_fields_and_the_year_one_mean_nothing_yet(document: dict[str, Any]) -> None:
    """A job that never ran gives an empty status and no error."""
    assert parse_job(document) == JobStatus(schedule_state="", status_code="")


def test_a_quarantine_without_details_is_still_one() -> None:
    """A status code of Quarantine is enough to report a quarantine."""
    quarantine = parse_job({"status": {"code": "Quarantine"}}).quarantine

    assert quarantine is not None
    assert quarantine.reason == "Unknown"
    assert "portal" in (quarantine.what_to_do or "")


def test_the_warning_says_why_until_when_and_what_to_do() -> None:
    """The warning is one line with reason, errors, next attempt and remedy."""
    line = quarantine_warning(parse_job(QUARANTINED))

    assert line == (
        "provisioning is in quarantine since 2026-11-24T07:01:00Z: EncounteredQuarantineException (InvalidCredentials: "
        "Unauthorized); the first of 4 in a row began 2026-11-23T07:01:00Z; the last 7 cycles failed completely; last "
        "error: Refused: No.; Entra tries again at 2026-11-24T13:01:00Z. What to do: Entra could not use the endpoint; "
        "fix the cause, then run `pulumi up --refresh` to test the connection and continue provisioning"
    )
    assert quarantine_warning(parse_job({})) == ""


@pytest.mark.parametrize("text", ["", "a", "a/", "/b", "a/b/c"])
def test_an_import_id_of_another_form_is_refused(text: str) -> None:
    """The error for a wrong import ID shows the right form."""
    with pytest.raises(ProviderError, match="<servicePrincipalId>/<jobId>"):
        split_job_resource_id(text)


def test_a_path_is_encoded() -> None:
    """A job's ID cannot leave its path segment."""
    assert job_path("a", "b/../c").endswith("/jobs/b%2F..%2Fc")
