"""Facts about the resource SynchronizationCredentials, for reports and drift detection."""

from __future__ import annotations

from typing import Any, Final

from kzero_scim.resource.facts import Cost, Facts


def _cost(property_: str, now: Any) -> Cost | None:  # noqa: ANN401 - any property value
    return Cost.ACCESS_FOR_EVERYBODY if property_ == "scope" and now == "all" else None


def _scope_change(now: Any) -> str:  # noqa: ANN401 - any property value
    return "scope widened to all users" if now == "all" else "scope changed"


FACTS: Final = Facts(
    label="credentials",
    step=4,
    drifts=True,
    leaves_nothing=False,
    audit_activities=("Update provisioning setting or credentials",),
    admin_events=(),
    cost=_cost,
    changes={
        "deletionThreshold": "deletion threshold changed",
        "missingKeys": "missing credentials set",
        "notificationEmail": "notification email changed",
        "oauth2": "OAuth 2.0 client changed",
        "scope": _scope_change,
        "secretToken": "secret token changed",
        "tenantUrl": "Tenant URL changed",
    },
    hidden="{who} changed the provisioning credentials at {when}, after this stack's last update. Entra hides their "
    "values; compare Tenant URL, secret token, scope and notification in the portal",
)
