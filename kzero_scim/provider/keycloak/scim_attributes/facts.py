"""Facts about the resource ScimAttributes, for reports and drift detection."""

from __future__ import annotations

from typing import Final

from kzero_scim.resource.facts import Facts

FACTS: Final = Facts(
    label="SCIM attributes",
    step=2,
    drifts=True,
    leaves_nothing=False,
    audit_activities=(),
    admin_events=("USER_PROFILE",),
    named={"attributes": ("SCIM attribute", "SCIM attributes")},
)
