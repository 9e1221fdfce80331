"""Facts about the resource ProvisioningStatus, for reports and drift detection."""

from __future__ import annotations

from typing import Any, Final

from kzero_scim.provider.entra.synchronization_job.facts import JOB_ACTIVITIES
from kzero_scim.resource.facts import Cost, Facts


def _cost(property_: str, now: Any) -> Cost | None:  # noqa: ANN401 - any property value
    return Cost.PROVISIONING_OFF if property_ == "enabled" and now is not True else None


def _switched(now: Any) -> str:  # noqa: ANN401 - any property value
    return f"provisioning turned {'on' if now is True else 'off'}"


FACTS: Final = Facts(
    label="provisioning status",
    step=4,
    drifts=True,
    leaves_nothing=False,
    audit_activities=(
        "Disable/pause provisioning configuration",
        "Enable/start provisioning configuration",
        "Enable/restart provisioning configuration",
        *JOB_ACTIVITIES,
    ),
    admin_events=(),
    own_course=frozenset({"triggers", "quarantine"}),
    cost=_cost,
    changes={"enabled": _switched, "quarantine": "quarantine ended"},
    follow_up="checks whether provisioning must restart",
)
