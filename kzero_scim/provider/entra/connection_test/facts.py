"""Facts about the resource ConnectionTest, for reports and drift detection."""

from __future__ import annotations

from typing import Final

from kzero_scim.resource.facts import Facts

FACTS: Final = Facts(
    label="connection test",
    step=4,
    drifts=False,
    leaves_nothing=True,
    audit_activities=(),
    admin_events=(),
    own_course=frozenset({"triggers"}),
    follow_up="connection tested again",
)
