"""Keycloak's service account roles and user profile, which its own SCIM API needs. Knows no resource."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from keycloak.exceptions import KeycloakGetError, raise_error_from_response

from kzero_scim.clients.keycloak.client import MANAGEMENT
from kzero_scim.errors import KeycloakError
from kzero_scim.resource.reading import Absent, Present, Unknown

if TYPE_CHECKING:
    from keycloak import KeycloakAdmin

    from kzero_scim.clients.keycloak.client import KeycloakClient, Representation

_DONE: Final = (200, 201, 204)


class KeycloakAccounts:
    """Reads and changes service accounts and user profiles. Every failure is a ``KeycloakError``.

    Args:
        keycloak: Signs in and sends the requests.
    """

    def __init__(self, keycloak: KeycloakClient) -> None:
        """Store the client."""
        self._keycloak = keycloak

    async def management_roles(self, realm: str, client_uuid: str, client_id: str) -> tuple[str, list[str]]:
        """Return the ID of a client's service account and its roles of client realm-management.

        Args:
            realm: The realm.
            client_uuid: Keycloak's internal ID of the client.
            client_id: The client's name, for messages.

        Raises:
            KeycloakError: With status 400 if the client has no service account.
        """
        doing = f'reading the service account of client "{client_id}" in realm "{realm}"'
        path = f"/clients/{_quoted(client_uuid)}/service-account-user"
        account: Representation = await self._send(realm, "get", path, doing, "view-users")
        held: Representation = await self._send(
            realm, "get", f"/users/{_quoted(account['id'])}/role-mappings", doing, "view-users"
        )
        of_management = (held.get("clientMappings") or {}).get(MANAGEMENT) or {}
        return str(account["id"]), sorted(str(role["name"]) for role in of_management.get("mappings") or [])

    async def assign_management_role(self, realm: str, user_id: str, role: str, whose: str, *, remove: bool) -> None:
        """Assign a role of client realm-management to an account, or remove it.

        Args:
            realm: The realm.
            user_id: The account's ID.
            role: The role.
            whose: The account's owner, for messages.
            remove: Remove the role instead.
        """
        change = f"removing role {role} from" if remove else f"assigning role {role} to"
        doing = f'{change} {whose} in realm "{realm}"'
        match await self._keycloak.client(realm, MANAGEMENT):
            case Present(management):
                uuid = _quoted(management["id"])
            case Absent() | Unknown():
                message = (
                    f"{doing} failed: the account cannot see client {MANAGEMENT}, which holds the role; assign it that "
                    "client's role view-clients"
                )
                raise KeycloakError(message)
        found: Representation = await self._send(realm, "get", f"/clients/{uuid}/roles/{_quoted(role)}", doing, role)
        path = f"/users/{_quoted(user_id)}/role-mappings/clients/{uuid}"
        await self._send(realm, "delete" if remove else "post", path, doing, role, [found])

    async def user_profile(self, realm: str) -> Representation:
        """Return the realm's user profile (Realm settings > User profile)."""
        doing = f'reading the user profile of realm "{realm}"'
        found: Representation = await self._send(realm, "get", "/users/profile", doing, "view-realm")
        return found

    async def set_user_profile(self, realm: str, profile: Mapping[str, Any]) -> None:
        """Replace the realm's user profile."""
        doing = f'changing the user profile of realm "{realm}"'
        await self._send(realm, "put", "/users/profile", doing, "manage-realm", dict(profile))

    async def _send(  # noqa: PLR0913, PLR0917 - each is a property of the request
        self, realm: str, method: str, path: str, doing: str, role: str, body: object = None
    ) -> Any:  # noqa: ANN401 - JSON
        address = f"admin/realms/{_quoted(realm)}{path}"

        async def request(admin: KeycloakAdmin) -> object:
            data = {} if body is None else {"data": json.dumps(body)}
            response = await getattr(admin.connection, f"a_raw_{method}")(address, **data)
            return raise_error_from_response(response, KeycloakGetError, list(_DONE))

        send = self._keycloak.ask if method == "get" else self._keycloak.change
        return await send(realm, doing, role, request)


def _quoted(part: str) -> str:
    return quote(part, safe="")
