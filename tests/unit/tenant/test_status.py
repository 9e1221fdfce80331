"""Tests of the word for a tenant's provisioning health."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from kzero_scim.entra.synchronization_job import Cycle, Quarantine
from kzero_scim.provider.entra.provisioning_status.resource import ProvisioningStatusState
from kzero_scim.provider.provisioning_log import LogReading, ObjectInError
from kzero_scim.tenant.status import StatusReport, TenantStatus

FAILED = ObjectInError(name="alex", kind="User", id="1", action="create", code="Conflict", message="taken", at="")


@pytest.mark.parametrize(
    ("word", "healthy", "wanted", "state", "quarantine", "in_error"),
    [
        ("healthy", True, True, "Active", False, False),
        ("running", False, False, "Active", False, False),
        ("errors", False, True, "Active", False, True),
        ("quarantine", False, True, "Active", True, True),
        ("paused", False, True, "Paused", False, False),
        ("paused", False, True, "Disabled", False, True),
        ("off", True, False, "Paused", False, False),
        ("quarantine", False, False, "Paused", True, False),
    ],
)
def test_the_word_and_whether_somebody_has_to_act(  # noqa: PLR0913 - a row of the table
    *, word: str, healthy: bool, wanted: bool, state: str, quarantine: bool, in_error: bool
) -> None:
    """Quarantine comes first, and a job that is off in the stack is healthy."""
    job = ProvisioningStatusState(
        service_principal_id="sp",
        job_id="job",
        schedule_state=state,
        status_code="",
        last_cycle=Cycle(state="Succeeded", ended=datetime.now(UTC).isoformat()),
        quarantine=Quarantine(reason="TooManyDeletes") if quarantine else None,
    )

    status = TenantStatus(wanted=wanted, job=job, log=LogReading(in_error=(FAILED,) if in_error else ()))

    assert (status.health.word, status.health.needs_no_action) == (word, healthy)
    assert status.report().status == word
    assert status.report().document()["inError"] == ([{**FAILED.__dict__}] if in_error else [])


@pytest.mark.parametrize("log", [LogReading(), LogReading(read=False, note="users in error are unknown")])
def test_a_log_that_cannot_be_read_hides_no_failed_cycle(log: LogReading) -> None:
    """Failed cycles are read from the job, with or without the provisioning log."""
    job = ProvisioningStatusState(
        service_principal_id="sp",
        job_id="job",
        schedule_state="Active",
        status_code="Active",
        last_cycle=Cycle(state="Failed", ended=datetime.now(UTC).isoformat(), error="Bad: 404"),
        successive_failures=2,
    )

    report = TenantStatus(wanted=True, job=job, log=log).report()

    assert (report.status, report.note) == ("failing", log.note)
    assert report.reason == "the last 2 cycles failed as a whole: Bad: 404"
    assert StatusReport.from_document(report.document()) == report
