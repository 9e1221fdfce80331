"""What the automation could have changed on either side of a tenant, to compare before and after."""

from __future__ import annotations

from typing import Any

from sandbox.running import Tenant

LEAST_PERMISSIONS = (
    "Application.ReadWrite.OwnedBy",
    "AppRoleAssignment.ReadWrite.All",
    "Application.Read.All",
    "User.Read.All",
    "Group.Read.All",
    "RoleManagement.Read.Directory",
)
"""The README's list, the one that is not used left out."""


def both_sides(tenant: Tenant) -> dict[str, Any]:
    """Give KZero's endpoint settings, mappers and number of users; Entra's applications, assignments and jobs."""
    realm = tenant.keycloak_admin.get("").raise_for_status().json()
    return {
        "realm attributes": realm.get("attributes"),
        "mappers": tenant.scim_client().get("protocolMappers"),
        "KZero users": tenant.keycloak_admin.get("/users/count").raise_for_status().json(),
        "Entra": tenant.entra.get("/sandbox/state").raise_for_status().json(),
    }


def grant(tenant: Tenant, *permissions: str) -> None:
    """Give the application that signs in exactly these application permissions of Microsoft Graph."""
    answer = tenant.entra.patch("/sandbox/clients/least-privilege", json={"permissions": list(permissions)})
    answer.raise_for_status()
