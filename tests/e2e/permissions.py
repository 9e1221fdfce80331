"""What the application that signs in may do in Microsoft Graph, and how a test changes that."""

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
"""The list in docs/permissions.md, without the one that is not used."""


def grant(tenant: Tenant, *permissions: str) -> None:
    """Give the application that signs in exactly these application permissions of Microsoft Graph."""
    answer = tenant.entra.patch("/sandbox/clients/least-privilege", json={"permissions": list(permissions)})
    answer.raise_for_status()
