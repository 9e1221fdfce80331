"""What reports and drift know of the resource SynchronizationJob without running it."""

from __future__ import annotations

from typing import Final

from kzero_scim.resource.facts import Facts

JOB_ACTIVITIES: Final = ("Delete provisioning configuration", "Add provisioning configuration")
"""How Entra's directory audit names the creation and deletion of a job."""
FACTS: Final = Facts(
    label="provisioning job",
    step=4,
    drifts=True,
    leaves_nothing=False,
    audit_activities=JOB_ACTIVITIES,
    admin_events=(),
)
