"""Facts about the resource AttributeMappings, for reports and drift detection."""

from __future__ import annotations

from typing import Final

from kzero_scim.resource.facts import Facts

FACTS: Final = Facts(
    label="attribute mappings",
    step=4,
    drifts=True,
    leaves_nothing=False,
    audit_activities=("Update attribute mappings or scope",),
    admin_events=(),
    changes={"provisionGroups": "provisioning of groups changed"},
    named={"rows": ("mapping", "mappings")},
    counted={"customAttributes": ("custom attribute", "custom attributes")},
)
