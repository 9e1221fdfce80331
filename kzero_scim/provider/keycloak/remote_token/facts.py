"""Facts about the resource RemoteToken, for reports and drift detection."""

from __future__ import annotations

from typing import Final

from kzero_scim.resource.facts import Facts

FACTS: Final = Facts(
    label="remote token",
    step=2,
    drifts=False,
    leaves_nothing=False,
    audit_activities=(),
    admin_events=(),
    own_course=frozenset({"triggers"}),
    changes={"expiresAt": "remote token renewed"},
    follow_up="remote token renewed",
)
