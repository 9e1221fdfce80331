"""Reads what the automation could change on either side of a tenant, to compare it before and after."""

from __future__ import annotations

from typing import Any

from kzero_sandbox.running import Tenant


def both_sides(tenant: Tenant) -> dict[str, Any]:
    """Return KZero's endpoint settings, mappers and user count, and Entra's applications, assignments and jobs."""
    realm = tenant.keycloak_admin.get("").raise_for_status().json()
    return {
        "realm attributes": realm.get("attributes"),
        "mappers": tenant.scim_client().get("protocolMappers"),
        "KZero users": tenant.keycloak_admin.get("/users/count").raise_for_status().json(),
        "Entra": tenant.entra.get("/sandbox/state").raise_for_status().json(),
    }
