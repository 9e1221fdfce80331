"""Tests of the word for a tenant's provisioning health."""

from __future__ import annotations

import pytest

from kzero_scim.entra.synchronization_job import Quarantine
from kzero_scim.provider.entra.provisioning_status.resource import ProvisioningStatusState
from kzero_scim.provider.provisioning_log import LogReading, ObjectInError
from kzero_scim.tenant.status import TenantStatus

FAILED = ObjectInError(name="alex", kind="User", id="1", action="create", code="Conflict", message="taken", at="")


@pytest.mark.parametrize(
    ("word", "healthy", "wanted", "state", "quarantine", "in_error"),
    [
        ("healthy", True, True, "Active", False, False),
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
        quarantine=Quarantine(reason="TooManyDeletes") if quarantine else None,
    )

    status = TenantStatus(wanted=wanted, job=job, log=LogReading(in_error=(FAILED,) if in_error else ()))

    assert (status.word, status.is_healthy) == (word, healthy)
    assert status.report().document()["inError"] == ([{**FAILED.__dict__}] if in_error else [])
