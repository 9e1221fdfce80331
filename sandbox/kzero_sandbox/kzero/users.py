"""The SCIM users of one tenant, stored only in Keycloak through the admin API.

Must not know tokens or the endpoint's settings.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from scim2_models.exceptions import (
    InvalidValueException,
    NotFoundException,
    UniquenessException,
)
from scim2_models.path import FilterNode

from kzero_sandbox.kzero.admin import KeycloakAdmin, KeycloakRefusedError, realm_path
from kzero_sandbox.kzero.filters import SameKeys, equalities, matches
from kzero_sandbox.kzero.mappers import (
    ALIASES,
    EXTERNAL_ID,
    AttributeMapping,
    UserChange,
    attribute_of,
    extension_urns,
    flat,
    to_keycloak,
    to_scim,
)
from kzero_sandbox.kzero.patch import interpret
from kzero_sandbox.kzero.paths import CORE_USER, flatten

_PAGE = 200
_SAME = SameKeys(ALIASES)
_BAD_REQUEST, _NOT_FOUND, _CONFLICT = 400, 404, 409


@dataclass(frozen=True, kw_only=True)
class Page:
    """Part of a list: the resources, and the total number of matches."""

    resources: list[dict[str, Any]]
    total: int


class Users:
    """The users of a realm as SCIM resources.

    Args:
        admin: The client of Keycloak.
        realm: The tenant's realm.
        mappings: How SCIM attributes are stored.
        base_url: The tenant's SCIM base URL, for `meta.location`.
    """

    def __init__(self, admin: KeycloakAdmin, realm: str, mappings: tuple[AttributeMapping, ...], base_url: str) -> None:
        """Keep what every request needs."""
        self._admin = admin
        self._realm = realm
        self._mappings = mappings
        self._base_url = base_url

    async def create(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create a user and return it.

        Raises:
            InvalidValueException: The user name is missing, or Keycloak refuses a value.
            UniquenessException: The user exists.
        """
        sent = flatten(body)
        change = to_keycloak(self._mappings, sent)
        self._require_user_name(sent, change)
        user = change.apply({"enabled": True, "attributes": {}})
        response = await self._write("POST", realm_path(self._realm, "users"), user)
        return await self.get(response.headers["location"].rpartition("/")[2])

    async def get(self, id: str) -> dict[str, Any]:  # noqa: A002 - SCIM's term
        """Return a user.

        Raises:
            NotFoundException: No user has this id.
        """
        return self._resource(await self._user(id))

    async def replace(self, id: str, body: Mapping[str, Any]) -> dict[str, Any]:  # noqa: A002 - as above
        """Replace a user and return it: mapped attributes that the body lacks are removed, except `active`.

        Raises:
            SCIMException: See `create` and `get`.
        """
        user = await self._user(id)
        sent = flatten(body)
        present = flatten(to_scim(self._mappings, user))
        gone = {name: None for name in present if name != "active"}
        change = to_keycloak(self._mappings, gone | sent)
        self._require_user_name(sent, change)
        await self._write("PUT", realm_path(self._realm, "users", id), change.apply(user))
        return await self.get(id)

    async def patch(self, id: str, body: object) -> dict[str, Any]:  # noqa: A002 - as above
        """Change a user as a PATCH body says, and return it.

        Raises:
            SCIMException: See `interpret`, `create` and `get`.
        """
        changes = interpret(body)
        user = await self._user(id)
        change = to_keycloak(self._mappings, changes)
        if change.fields.get("username", "kept") is None:
            raise InvalidValueException(detail="userName cannot be removed")
        await self._write("PUT", realm_path(self._realm, "users", id), change.apply(user))
        return await self.get(id)

    async def delete(self, id: str) -> None:  # noqa: A002 - as above
        """Delete a user.

        Raises:
            NotFoundException: No user has this id.
        """
        try:
            await self._admin.request("DELETE", realm_path(self._realm, "users", id))
        except KeycloakRefusedError as error:
            raise self._translated(error, id) from None

    async def find(self, condition: FilterNode | None, start: int, count: int) -> Page:
        """Return at most `count` of the users that match, from the one-based `start`."""
        path = realm_path(self._realm, "users")
        if condition is None:
            total = int(await self._admin.get(f"{path}/count"))
            users = await self._admin.get(path, first=start - 1, max=count) if count else []
            return Page(resources=[self._resource(user) for user in users], total=total)
        found = [
            resource
            async for user in self._candidates(equalities(condition))
            if matches(condition, flat(resource := self._resource(user)), _SAME)
        ]
        return Page(resources=found[start - 1 : start - 1 + count], total=len(found))

    async def _candidates(self, wanted: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """Yield every user that could match, from one of Keycloak's indexes if possible."""
        if isinstance(wanted.get("id"), str):
            try:
                yield await self._user(wanted["id"])
            except NotFoundException:
                return
            return
        query = self._indexed(wanted)
        first = 0
        while True:
            users = await self._admin.get(realm_path(self._realm, "users"), first=first, max=_PAGE, **query)
            for user in users:
                yield user
            if len(users) < _PAGE:
                return
            first += _PAGE

    def _indexed(self, wanted: Mapping[str, Any]) -> dict[str, str]:
        for name, value in wanted.items():
            if not isinstance(value, str) or '"' in value:
                continue
            if name == "externalid":
                return {"q": f'"{EXTERNAL_ID}":"{value}"'}
            mapping = attribute_of(self._mappings, name)
            if mapping is not None and mapping.core_field in {"username", "email"}:
                return {mapping.core_field: value, "exact": "true"}
        return {}

    async def _user(self, id: str) -> dict[str, Any]:  # noqa: A002 - as above
        try:
            user: dict[str, Any] = await self._admin.get(realm_path(self._realm, "users", id))
        except KeycloakRefusedError as error:
            raise self._translated(error, id) from None
        return user

    async def _write(self, method: str, path: str, user: Mapping[str, Any]) -> Any:  # noqa: ANN401 - httpx.Response
        try:
            return await self._admin.request(method, path, json=user)
        except KeycloakRefusedError as error:
            raise self._translated(error, str(user.get("username"))) from None

    def _translated(self, error: KeycloakRefusedError, what: str) -> Exception:
        if error.status == _NOT_FOUND:
            return NotFoundException(detail=f"no user {what} in {self._realm}")
        if error.status == _CONFLICT:
            return UniquenessException(detail=f"user {what}: {error.reason}")
        if error.status == _BAD_REQUEST:
            return InvalidValueException(detail=f"user {what}: {error.reason}")
        return error

    def _require_user_name(self, sent: Mapping[str, Any], change: UserChange) -> None:
        if change.fields.get("username"):
            return
        if not sent.get("username"):
            raise InvalidValueException(detail="userName is required")
        raise InvalidValueException(
            detail=(
                "userName is required, but no mapper of client scim-endpoint accepts it: the guide's loginName, a user "
                "attribute mapper with User Attribute userPrincipalName and Token Claim userName, is missing or off"
            )
        )

    def _resource(self, user: Mapping[str, Any]) -> dict[str, Any]:
        resource = to_scim(self._mappings, user)
        meta: dict[str, Any] = {"resourceType": "User", "location": f"{self._base_url}/Users/{user['id']}"}
        if isinstance(user.get("createdTimestamp"), int):
            meta["created"] = datetime.fromtimestamp(user["createdTimestamp"] / 1000, UTC).isoformat()
        return {
            "schemas": [CORE_USER, *extension_urns(resource)],
            "id": user["id"],
            **resource,
            "meta": meta,
        }
