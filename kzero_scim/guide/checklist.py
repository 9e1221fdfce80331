"""Evaluates the guide's seven-point checklist from the results of one tenant's resources. Asks no service."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

ITEMS: Final = (
    "SCIM endpoint enabled in KZero Passwordless",
    "All required attribute mappings configured",
    "Enterprise Application created in Entra ID",
    "Users or groups assigned to the application",
    "Provisioning mode set to Automatic",
    "Connection test successful",
    "Test user successfully provisioned",
)
"""The items' titles, in the guide's order."""


UNKNOWN: Final = "unknown: "
"""Begins the evidence of a point that could not be checked."""


@dataclass(frozen=True)
class Item:
    """One point: the guide's title, whether it passed, and the evidence."""

    item: str
    passed: bool
    evidence: str

    @property
    def is_unknown(self) -> bool:
        """Whether the point could not be checked. Such a point has not passed."""
        return not self.passed and self.evidence.startswith(UNKNOWN)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The evidence for the seven points; None if a resource does not exist."""

    tenant_url: str | None = None
    answer: Mapping[str, Any] | None = None
    alive: bool = False
    mappers: Sequence[str] = ()
    kept: Sequence[str] | None = None
    """The attributes that an endpoint without mappers (Keycloak's own SCIM API) keeps."""
    rows: Sequence[str] = ()
    application_name: str | None = None
    service_principal_id: str | None = None
    assigned: Sequence[str] = ()
    everybody: bool = False
    job_id: str | None = None
    schedule_state: str | None = None
    quarantine: Mapping[str, Any] | None = None
    test_result: str | None = None
    tested_at: str | None = None
    test_user: str | None = None
    on_demand_result: str | None = None
    verify: str = "attributes"
    """What to check in KZero: attributes, user or off."""
    comparisons: Sequence[Mapping[str, Any]] = ()
    not_compared: Sequence[str] = ()
    kzero_user_id: str | None = None
    problems: Mapping[int, str] | None = None
    """Point (1 to 7) to the problem that a live check found. Such a point has not passed."""


def judge(found: Evidence) -> list[Item]:
    """Return the seven points in the guide's order.

    Args:
        found: The evidence about the tenant.
    """
    judgements = (
        _endpoint(found),
        _mappings(found),
        _application(found),
        _assignments(found),
        _automatic(found),
        _connection(found),
        _test_user(found),
    )
    problems = found.problems or {}
    return [
        Item(title, passed=passed and number not in problems, evidence=problems.get(number, evidence))
        for number, (title, (passed, evidence)) in enumerate(zip(ITEMS, judgements, strict=True), 1)
    ]


def as_output(items: Sequence[Item]) -> list[dict[str, Any]]:
    """Return points in the form that a stack exports."""
    return [asdict(item) for item in items]


def from_output(value: object) -> list[Item]:
    """Return the points in an export of :func:`as_output`, without entries that are not points."""
    found = value if isinstance(value, list) else []
    return [
        Item(str(entry["item"]), passed=entry["passed"] is True, evidence=str(entry["evidence"]))
        for entry in found
        if isinstance(entry, Mapping) and entry.keys() >= {"item", "passed", "evidence"}
    ]


def _endpoint(found: Evidence) -> tuple[bool, str]:
    if not found.tenant_url or not found.answer:
        return False, "the endpoint has not been checked"
    status, meaning = found.answer.get("status"), found.answer.get("meaning")
    # Numbers come back from the engine as floats.
    return found.alive, f"{found.tenant_url} answered {int(status or 0)}: {meaning}"


def _mappings(found: Evidence) -> tuple[bool, str]:
    if found.kept is not None:
        kept = f"Keycloak's own SCIM API keeps {', '.join(found.kept)}"
        return bool(found.rows), f"{kept}; {len(found.rows)} rows in Entra"
    if not found.mappers:
        return False, "client scim-endpoint has no mappers of the stack"
    if not found.rows:
        return False, "the provisioning job has no attribute mappings of the stack"
    return (
        True,
        f"{len(found.mappers)} mappers ({', '.join(sorted(found.mappers))}) and {len(found.rows)} rows in Entra",
    )


def _application(found: Evidence) -> tuple[bool, str]:
    if not found.service_principal_id:
        return False, "the enterprise application does not exist"
    return True, f'"{found.application_name}", service principal {found.service_principal_id}'


def _assignments(found: Evidence) -> tuple[bool, str]:
    if found.everybody:
        return True, "scope is all, so that no assignment is required"
    if not found.assigned:
        return False, "no user or group is assigned"
    shown = ", ".join(sorted(found.assigned)[:5]) + (", ..." if len(found.assigned) > 5 else "")  # noqa: PLR2004 - fits in a line
    return True, f"{len(found.assigned)} assigned: {shown}"


def _automatic(found: Evidence) -> tuple[bool, str]:
    if not found.job_id:
        return False, "the provisioning job does not exist"
    if found.quarantine:
        return False, f"job {found.job_id} is in quarantine: {found.quarantine.get('reason')}"
    return found.schedule_state == "Active", f"job {found.job_id} is {found.schedule_state}"


def _connection(found: Evidence) -> tuple[bool, str]:
    if found.test_result is None:
        return False, "the connection has not been tested"
    return found.test_result == "passed", f"Entra's test {found.test_result} at {found.tested_at}"


def _test_user(found: Evidence) -> tuple[bool, str]:
    if not found.test_user:
        return False, "no test user is set; set kzero-scim:testUser"
    if found.on_demand_result is None:
        return False, f"{found.test_user} has not been provisioned on demand"
    equal = sum(1 for comparison in found.comparisons if comparison.get("equal"))
    is_provisioned = found.on_demand_result in {"success", "alreadyInDesiredState"}
    seen = f"KZero user {found.kzero_user_id}" if found.kzero_user_id else "not looked up in KZero"
    compared = f", {equal} of {len(found.comparisons)} attributes equal" if found.comparisons else ""
    left = f"; {'; '.join(found.not_compared)}" if found.not_compared else ""
    evidence = f"{found.test_user}: {found.on_demand_result}, {seen}{compared}{left}"
    if is_provisioned and not found.kzero_user_id and found.verify != "off":
        return False, f"{UNKNOWN}{evidence}"
    return is_provisioned and equal == len(found.comparisons), evidence
