"""Facts about the resource OnDemandProvisioning, for reports and drift detection."""

from __future__ import annotations

from typing import Final

from kzero_scim.resource.facts import Facts

FACTS: Final = Facts(
    label="test user's provisioning",
    step=5,
    drifts=False,
    leaves_nothing=True,
    audit_activities=(),
    admin_events=(),
    own_course=frozenset({"triggers"}),
    follow_up="test user provisioned again",
)
