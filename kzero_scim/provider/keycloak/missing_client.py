"""Explains a missing client, for several resources. Asks no service."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kzero_scim.guide import values

if TYPE_CHECKING:
    from kzero_scim.clients.keycloak.client import KeycloakClient


def explain_missing_client(keycloak: KeycloakClient, realm: str, client_id: str) -> str:
    """Return why a read found no client, and what to do.

    Args:
        keycloak: The client that read it. Its token says whether the account may see clients.
        realm: The tenant.
        client_id: The client.
    """
    if keycloak.may_miss(realm, "view-clients", "manage-clients"):
        return (
            f'cannot see client "{client_id}" of realm "{realm}"; give the account the role view-clients (and '
            "manage-clients, to change it) of client realm-management"
        )
    return (
        f'realm "{realm}" has no client "{client_id}". KZero creates it when you enable the SCIM endpoint (dashboard > '
        f"{values.SCIM_PAGE}, set Enable to ON, click Update); in your own Keycloak, create a confidential client with "
        "this name"
    )
