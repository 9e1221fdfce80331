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


def grant(tenant: Tenant, *permissions: str) -> None:
    """Grant the application exactly these application permissions of Microsoft Graph."""
    answer = tenant.entra.patch("/sandbox/clients/least-privilege", json={"permissions": list(permissions)})
    answer.raise_for_status()
