"""Facts about the resource AppRoleAssignments, for reports and drift detection."""

from __future__ import annotations

from typing import Final

from kzero_scim.resource.facts import Facts

FACTS: Final = Facts(
    label="assignments",
    step=3,
    drifts=True,
    leaves_nothing=False,
    audit_activities=(
        "Add app role assignment grant to user",
        "Add app role assignment to group",
        "Remove app role assignment from user",
        "Remove app role assignment from group",
    ),
    admin_events=(),
    members=frozenset({"users", "groups", "unmanaged", "emptiedGroups"}),
    changes={
        "roleName": "app role changed",
        "unassignMaxUsers": "deletion guard changed",
        "unassignMaxShare": "deletion guard changed",
    },
    counted={
        "users": ("user", "users"),
        "groups": ("group", "groups"),
        "emptiedGroups": ("emptied group", "emptied groups"),
        "unmanaged": ("assignment made elsewhere", "assignments made elsewhere"),
    },
)
