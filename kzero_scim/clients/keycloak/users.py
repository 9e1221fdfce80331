"""Disables users of a KZero tenant, and names those that must stay enabled. Knows no resource."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from keycloak import urls_patterns
from keycloak.exceptions import KeycloakGetError, raise_error_from_response

from kzero_scim.clients.keycloak.client import MANAGEMENT
from kzero_scim.errors import KeycloakError
from kzero_scim.resource.reading import Absent, Present, Unknown

if TYPE_CHECKING:
    from keycloak import KeycloakAdmin

    from kzero_scim.clients.keycloak.client import KeycloakClient, Representation

_SERVICE_ACCOUNT: Final = "service-account-"
"""The prefix of the user names of Keycloak's service accounts."""


class Immunity:
    """Finds the users of a realm that kzero-scim must not disable.

    Args:
        keycloak: The client. Its own account is one of these users.
        realm: The realm.
        management: Keycloak's internal ID of the realm's client realm-management.
    """

    def __init__(self, keycloak: KeycloakClient, realm: str, management: str) -> None:
        """Send no request yet."""
        self._keycloak = keycloak
        self._realm = realm
        self._management = management

    @classmethod
    async def of(cls, keycloak: KeycloakClient, realm: str) -> Immunity:
        """Return an instance for a realm. Looks up the client realm-management, whose roles make administrators.

        Raises:
            KeycloakError: The account cannot see that client.
        """
        match await keycloak.client(realm, MANAGEMENT):
            case Present(client):
                return cls(keycloak, realm, str(client["id"]))
            case Absent() | Unknown():
                message = (
                    f'cannot distinguish administrators from other users in realm "{realm}": the account cannot see '
                    f"client {MANAGEMENT}; assign it that client's role view-clients"
                )
                raise KeycloakError(message)

    async def reason(self, user: Representation) -> str | None:
        """Return why a user must stay enabled (administrator, service account or this automation), or None.

        Raises:
            KeycloakError: The user's roles cannot be read.
        """
        if user.get("serviceAccountClientId") or str(user.get("username") or "").startswith(_SERVICE_ACCOUNT):
            return "service account"
        if user["id"] == self._keycloak.caller(self._realm):
            return "the account of this automation"
        return "administrator" if await self._administers(user) else None

    async def _administers(self, user: Representation) -> bool:
        """Return whether a user has a role of realm-management: directly, through a group or through another role."""
        path = urls_patterns.URL_ADMIN_USER_CLIENT_ROLES_COMPOSITE.format(
            **{"realm-name": quote(self._realm, safe=""), "id": user["id"], "client-id": self._management}
        )

        async def request(admin: KeycloakAdmin) -> Any:  # noqa: ANN401 - JSON
            roles = raise_error_from_response(await admin.connection.a_raw_get(path), KeycloakGetError)
            if not isinstance(roles, list):
                message = "a list of roles was expected"
                raise TypeError(message)
            return roles

        doing = f'reading the roles of user "{user.get("username")}" in realm "{self._realm}"'
        return bool(await self._keycloak.ask(self._realm, doing, "view-users", request))


async def disable_user(keycloak: KeycloakClient, realm: str, user: Representation) -> None:
    """Disable one user and change nothing else.

    Reads the user again, because Keycloak replaces the whole user by the one sent.

    Args:
        keycloak: The client.
        realm: The realm.
        user: The user as read, with its ID.

    Raises:
        KeycloakError: Keycloak refused.
    """

    async def request(admin: KeycloakAdmin) -> object:
        present = await admin.a_get_user(user["id"])
        return await admin.a_update_user(user["id"], {**present, "enabled": False})

    await keycloak.change(realm, f'disabling user "{user.get("username")}" of realm "{realm}"', "manage-users", request)
