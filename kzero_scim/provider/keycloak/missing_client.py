"""Explains a missing client, for several resources. Asks no service."""

from __future__ import annotations

from typing import Any, assert_never

from kzero_scim.errors import ProviderError
from kzero_scim.guide import values
from kzero_scim.resource.reading import Absent, Present, Reading, Unknown


def required_client(answer: Reading[dict[str, Any]], realm: str, client_id: str) -> dict[str, Any]:
    """Return a client that was read, for an operation that needs it.

    Raises:
        ProviderError: It does not exist, or it is unknown whether it does. The message says what to do.
    """
    match answer:
        case Present(client):
            return client
        case Absent():
            raise ProviderError(missing_client(realm, client_id))
        case Unknown(reason):
            raise ProviderError(reason)
        case never:
            assert_never(never)


def missing_client(realm: str, client_id: str) -> str:
    """Return that a tenant has no such client, and what to do."""
    return (
        f'realm "{realm}" has no client "{client_id}". KZero creates it when you enable the SCIM endpoint (dashboard > '
        f"{values.SCIM_PAGE}, set Enable to ON, click Update); in your own Keycloak, create a confidential client with "
        "this name"
    )
