"""Facts about the resource ProvisionedUsers, for reports and drift detection."""

from __future__ import annotations

from typing import Final

from kzero_scim.resource.facts import Facts

FACTS: Final = Facts(
    label="users-on-destroy setting",
    step=3,
    drifts=False,
    leaves_nothing=False,
    audit_activities=(),
    admin_events=(),
    changes={"onDestroy": "users-on-destroy setting changed"},
)
