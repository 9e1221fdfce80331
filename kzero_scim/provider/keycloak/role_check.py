"""Compares the roles of client realm-management in the token with those that an action needs. Knows no resource.

A lightweight access token of Keycloak 26 and an opaque token name no roles. They are unknown then, and KZero decides.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Final

from kzero_scim.errors import MissingRightError

if TYPE_CHECKING:
    from kzero_scim.clients.keycloak.client import KeycloakClient
    from kzero_scim.resource.model import Call

_WRITING: Final = ("manage-", "create-", "impersonation")


def lacking(granted: Collection[str], *roles: str) -> list[str]:
    """Return the roles that an account lacks. A role ``manage-...`` implies ``view-...``, and realm-admin all."""
    if "realm-admin" in granted:
        return []
    return [role for role in roles if role not in granted and role.replace("view-", "manage-", 1) not in granted]


def is_read_only(granted: Collection[str]) -> bool:
    """Return whether an account with these roles cannot write anything."""
    return "realm-admin" not in granted and not any(role.startswith(_WRITING) for role in granted)


def may_only_read(client: Mapping[str, Any]) -> bool:
    """Return whether KZero shows the account a client that it may not change, whatever the token says."""
    access = client.get("access")
    return isinstance(access, dict) and access.get("manage") is False


async def missing_roles(keycloak: KeycloakClient, realm: str, *roles: str) -> list[str]:
    """Return the roles that the signed-in account lacks; none if its roles are unknown.

    Raises:
        KeycloakError: The sign-in failed.
    """
    granted = await keycloak.granted_roles(realm)
    return [] if granted is None else lacking(granted, *roles)


async def require_roles(keycloak: KeycloakClient, realm: str, purpose: str, *roles: str, remedy: str = "") -> None:
    """Raise an error if the signed-in account lacks a role.

    Args:
        keycloak: The client that signs in.
        realm: The realm.
        purpose: What needs the roles, to follow "which".
        roles: The roles.
        remedy: What else to do than to assign the roles.

    Raises:
        KeycloakError: The sign-in failed.
        MissingRightError: Roles are missing. The message lists all of them.
    """
    if missing := await missing_roles(keycloak, realm, *roles):
        message = (
            f"{keycloak.credentials.principal} lacks {' and '.join(missing)} of client realm-management in realm "
            f'"{realm}", which {purpose}; assign the role{remedy}'
        )
        raise MissingRightError(message)


async def warn_of_roles(call: Call, keycloak: KeycloakClient, realm: str, purpose: str, *roles: str) -> None:
    """Warn in a preview if the signed-in account lacks a role that the update will need.

    Args:
        call: The request of the preview.
        keycloak: The client that signs in.
        realm: The realm.
        purpose: The action of the update, to follow "to".
        roles: The roles.

    Raises:
        KeycloakError: The sign-in failed.
    """
    if missing := await missing_roles(keycloak, realm, *roles):
        await call.log.warning(needed_roles(keycloak, realm, purpose, missing))


def needed_roles(keycloak: KeycloakClient, realm: str, purpose: str, roles: Collection[str]) -> str:
    """Return what the update will need."""
    return (
        f'`pulumi up` needs the role {" and ".join(roles)} of client realm-management in realm "{realm}" to {purpose}, '
        f"and {keycloak.credentials.principal} lacks it. This preview works without it; assign it to the account that "
        "signs in for `pulumi up`"
    )
