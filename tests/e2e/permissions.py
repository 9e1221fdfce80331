"""Sets the Microsoft Graph permissions of the application that signs in."""

from __future__ import annotations

from kzero_sandbox.running import Tenant

LEAST_PERMISSIONS = (
    "Application.ReadWrite.OwnedBy",
    "AppRoleAssignment.ReadWrite.All",
    "Application.Read.All",
    "User.Read.All",
    "Group.Read.All",
    "RoleManagement.Read.Directory",
)
"""The list in docs/permissions.md, without the permission that is not used."""


PREVIEW_PERMISSIONS = (
    "Application.Read.All",
    "Synchronization.Read.All",
    "User.Read.All",
    "Group.Read.All",
    "RoleManagement.Read.Directory",
)
"""The list in docs/permissions.md of what a preview needs."""
PREVIEW_ROLES = ("view-realm", "view-clients", "view-users")
"""The roles of client realm-management in docs/permissions.md that a preview needs."""


def grant(tenant: Tenant, *permissions: str) -> None:
    """Grant the application exactly these application permissions of Microsoft Graph."""
    answer = tenant.entra.patch("/sandbox/clients/least-privilege", json={"permissions": list(permissions)})
    answer.raise_for_status()
