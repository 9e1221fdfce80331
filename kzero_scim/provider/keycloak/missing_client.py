"""Why a client is not there, and how it comes into being, in one line for both KZero resources."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kzero_scim.guide import values

if TYPE_CHECKING:
    from kzero_scim.clients.keycloak.client import KeycloakClient


def explain_missing_client(keycloak: KeycloakClient, realm: str, client_id: str) -> str:
    """Explain after a read that found no client.

    Args:
        keycloak: What read it; tells whether the account may see clients at all.
        realm: The tenant.
        client_id: The client.
    """
    if keycloak.may_miss(realm, "view-clients", "manage-clients"):
        return (
            f'client "{client_id}" of realm "{realm}" is not shown to the account: it lacks the role view-clients '
            "(and manage-clients, to change something) of client realm-management"
        )
    return (
        f'realm "{realm}" has no client "{client_id}": KZero creates it when the SCIM endpoint is enabled '
        f"(dashboard, {values.SCIM_PAGE}, Enable: ON, Update); in a Keycloak of your own create a confidential "
        "client of that name"
    )
