"""Keycloak's service account roles and user profile, which its own SCIM API needs. Knows no resource."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote

from keycloak.exceptions import KeycloakGetError, raise_error_from_response

from kzero_scim.clients.keycloak.client import MANAGEMENT
from kzero_scim.errors import KeycloakError
from kzero_scim.keycloak import server_version, user_profile
from kzero_scim.resource.reading import Absent, Present, Unknown

if TYPE_CHECKING:
    from keycloak import KeycloakAdmin

    from kzero_scim.clients.keycloak.client import KeycloakClient, Representation

ResultT = TypeVar("ResultT")
_DONE: Final = (200, 201, 204)


def _anything(answer: Any) -> Any:  # noqa: ANN401 - JSON
    return answer


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
        account = await self._send(realm, "get", path, doing, "view-users", reader=_account_id)
        path = f"/users/{_quoted(account)}/role-mappings"
        return account, await self._send(realm, "get", path, doing, "view-users", reader=_management_roles)

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
        return await self._send(realm, "get", "/users/profile", doing, "view-realm", reader=_profile)

    async def dropped_attributes(self, realm: str, attributes: Iterable[str]) -> list[str]:
        """Return the user attributes that the realm drops; none if its user profile cannot be read."""
        names = user_profile.dropped_attributes({}, attributes)
        if not names:
            return []
        release = server_version.major(await self._keycloak.version(realm))
        if release is not None and release < user_profile.SINCE:
            return []
        try:
            profile = await self.user_profile(realm)
        except KeycloakError:
            return []
        return user_profile.dropped_attributes(profile, names)

    async def set_user_profile(self, realm: str, profile: Mapping[str, Any]) -> None:
        """Replace the realm's user profile."""
        doing = f'changing the user profile of realm "{realm}"'
        await self._send(realm, "put", "/users/profile", doing, "manage-realm", dict(profile))

    async def _send(  # noqa: PLR0913, PLR0917 - each is a property of the request
        self,
        realm: str,
        method: str,
        path: str,
        doing: str,
        role: str,
        body: object = None,
        reader: Callable[[Any], ResultT] = _anything,
    ) -> ResultT:
        address = f"admin/realms/{_quoted(realm)}{path}"

        async def request(admin: KeycloakAdmin) -> ResultT:
            data = {} if body is None else {"data": json.dumps(body)}
            response = await getattr(admin.connection, f"a_raw_{method}")(address, **data)
            return reader(raise_error_from_response(response, KeycloakGetError, list(_DONE)))

        send = self._keycloak.ask if method == "get" else self._keycloak.change
        return await send(realm, doing, role, request)


def _account_id(answer: Any) -> str:  # noqa: ANN401 - JSON
    if not isinstance(answer["id"], str):
        message = "an account was expected"
        raise TypeError(message)
    return answer["id"]


def _management_roles(answer: Any) -> list[str]:  # noqa: ANN401 - JSON
    of_management = (answer.get("clientMappings") or {}).get(MANAGEMENT) or {}
    return sorted(str(role["name"]) for role in of_management.get("mappings") or [])


def _profile(answer: Any) -> Representation:  # noqa: ANN401 - JSON
    if not isinstance(answer["attributes"], list):
        message = "a user profile was expected"
        raise TypeError(message)
    found: Representation = answer
    return found


def _quoted(part: str) -> str:
    return quote(part, safe="")
