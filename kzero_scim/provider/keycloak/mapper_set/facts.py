"""Facts about the resource MapperSet, for reports and drift detection."""

from __future__ import annotations

from typing import Final

from kzero_scim.resource.facts import Facts

FACTS: Final = Facts(
    label="mappers",
    step=2,
    drifts=True,
    leaves_nothing=False,
    audit_activities=(),
    admin_events=("PROTOCOL_MAPPER",),
    named={"mappers": ("mapper", "mappers")},
    counted={"unmanaged": ("mapper made elsewhere", "mappers made elsewhere")},
)
