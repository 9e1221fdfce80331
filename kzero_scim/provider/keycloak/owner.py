"""The mark of the stack that manages a tenant's client, so that two stacks do not undo each other's work.

The mark is an attribute of the client. A client without a mark belongs to no stack, for example one that a person or an
older version set up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from kzero_scim.display import plain
from kzero_scim.errors import ProviderError
from kzero_scim.provider.keycloak.role_check import may_only_read
from kzero_scim.settings.confirmations import how_to_confirm, is_confirmed

if TYPE_CHECKING:
    from kzero_scim.clients.keycloak.client import KeycloakClient

ATTRIBUTE: Final = "kzero-scim.stack"
"""The client's attribute with the mark, ``<project>/<stack>``."""
ACTION: Final = "take-over"
"""The confirmation's action; its value is the present owner."""

_URN: Final = "urn:pulumi:"


def stack_of(urn: str) -> str | None:
    """Return the mark of the stack that a resource's URN names, or None if it names none."""
    stack, _, rest = urn.removeprefix(_URN).partition("::")
    project = rest.partition("::")[0]
    return f"{project}/{stack}" if urn.startswith(_URN) and stack and project else None


def owner_of(client: Mapping[str, Any]) -> str | None:
    """Return the mark of a client, or None if it has none."""
    return (client.get("attributes") or {}).get(ATTRIBUTE) or None


def require_ours(urn: str, realm: str, client: Mapping[str, Any], *, is_deletion: bool = False) -> None:
    """Refuse to change a client that another stack manages, unless this run confirms the takeover.

    Args:
        urn: The URN of the resource that would change it.
        realm: The tenant.
        client: The client as read.
        is_deletion: Whether the resource is deleted, so that it could leave the stack instead.

    Raises:
        ProviderError: Another stack manages it. The message says how to take over.
    """
    ours, theirs = stack_of(urn), owner_of(client)
    if ours is None or theirs in {None, ours} or is_confirmed(ACTION, str(theirs)):
        return
    leave = f"to remove only this stack's record, run `pulumi state delete '{urn}'`; " if is_deletion else ""
    message = (
        f'client "{client["clientId"]}" of realm "{realm}" is managed by stack {plain(str(theirs))}, not by {ours}. '
        "Nothing was changed. If that stack still exists, correct kzeroTenant in one of the two. If it was renamed or "
        f"deleted, take over: {leave}{how_to_confirm(ACTION, str(theirs))}"
    )
    raise ProviderError(message)


async def claim(keycloak: KeycloakClient, urn: str, realm: str, client: Mapping[str, Any]) -> None:
    """Mark a client as managed by the stack of a URN, unless it is already or the account may only read it.

    Raises:
        KeycloakError: Keycloak refused.
    """
    ours = stack_of(urn)
    if ours is not None and owner_of(client) != ours and not may_only_read(client):
        await keycloak.set_client_attributes(realm, client["id"], {ATTRIBUTE: ours})


async def release(keycloak: KeycloakClient, realm: str, client: Mapping[str, Any]) -> None:
    """Remove the mark from a client, if it has one and the account may change it.

    Raises:
        KeycloakError: Keycloak refused.
    """
    if owner_of(client) is not None and not may_only_read(client):
        await keycloak.set_client_attributes(realm, client["id"], {ATTRIBUTE: None})
