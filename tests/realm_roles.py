"""Grants roles of a realm's administration to accounts of a test's tenant."""

from kzero_sandbox.running import Tenant


def service_account(tenant: Tenant, client_id: str) -> str:
    """Return the id of a client's service account."""
    admin = tenant.keycloak_admin
    [client] = admin.get("/clients", params={"clientId": client_id}).raise_for_status().json()
    found: str = admin.get(f"/clients/{client['id']}/service-account-user").raise_for_status().json()["id"]
    return found


def grant(tenant: Tenant, user_id: str, *roles: str) -> None:
    """Grant a user these roles of the client realm-management."""
    admin = tenant.keycloak_admin
    [management] = admin.get("/clients", params={"clientId": "realm-management"}).raise_for_status().json()
    granted = [admin.get(f"/clients/{management['id']}/roles/{role}").raise_for_status().json() for role in roles]
    admin.post(f"/users/{user_id}/role-mappings/clients/{management['id']}", json=granted).raise_for_status()
