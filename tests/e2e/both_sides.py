"""What the automation could have changed on either side of a tenant, to compare before and after."""

from __future__ import annotations

from typing import Any

from kzero_sandbox.running import Tenant


def both_sides(tenant: Tenant) -> dict[str, Any]:
    """Give KZero's endpoint settings, mappers and number of users; Entra's applications, assignments and jobs."""
    realm = tenant.keycloak_admin.get("").raise_for_status().json()
    return {
        "realm attributes": realm.get("attributes"),
        "mappers": tenant.scim_client().get("protocolMappers"),
        "KZero users": tenant.keycloak_admin.get("/users/count").raise_for_status().json(),
        "Entra": tenant.entra.get("/sandbox/state").raise_for_status().json(),
    }
