"""Facts about the resource SynchronizationJob, for reports and drift detection."""

from __future__ import annotations

from typing import Final

from kzero_scim.resource.facts import Facts

JOB_ACTIVITIES: Final = ("Delete provisioning configuration", "Add provisioning configuration")
"""Activities in Entra's directory audit for the deletion and creation of a job."""
FACTS: Final = Facts(
    label="provisioning job",
    step=4,
    drifts=True,
    leaves_nothing=False,
    audit_activities=JOB_ACTIVITIES,
    admin_events=(),
)
