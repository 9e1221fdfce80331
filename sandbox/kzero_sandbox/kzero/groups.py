"""The SCIM groups of one tenant, stored only as Keycloak groups through the admin API. Must not know mappers."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from scim2_models.exceptions import InvalidValueException, NotFoundException, UniquenessException
from scim2_models.path import FilterNode

from kzero_sandbox.kzero.admin import KeycloakAdmin, KeycloakRefusedError, realm_path
from kzero_sandbox.kzero.filters import SameKeys, equalities, matches
from kzero_sandbox.kzero.mappers import EXTERNAL_ID, flat
from kzero_sandbox.kzero.patch import member_changes
from kzero_sandbox.kzero.paths import CORE_GROUP, flatten
from kzero_sandbox.kzero.users import Page

_PAGE = 200
_SAME = SameKeys({})
_NOT_FOUND, _CONFLICT = 404, 409
_LONGEST_NAME = 255
"""The maximum number of characters that Keycloak stores of a group's name."""


class Groups:
    """The groups of a realm as SCIM resources. `displayName` is the group's name; mappers do not apply.

    Args:
        admin: The client of Keycloak.
        realm: The tenant's realm.
        base_url: The tenant's SCIM base URL, for `meta.location`.
    """

    def __init__(self, admin: KeycloakAdmin, realm: str, base_url: str) -> None:
        """Keep what every request needs."""
        self._admin = admin
        self._realm = realm
        self._base_url = base_url

    async def create(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Create a group, with members if the body has any, and return it.

        Raises:
            InvalidValueException: The body has no displayName.
            UniquenessException: A group with this name exists.
        """
        sent = flatten(body)
        group = _changed({}, sent)
        if not group.get("name"):
            raise InvalidValueException(detail="displayName is required")
        response = await self._request("POST", "groups", what=group["name"], json=group)
        created: str = response.headers["location"].rpartition("/")[2]
        await self._set_members(created, _ids(body.get("members")), was=set())
        return await self.get(created)

    async def get(self, id: str, *, members: bool = True) -> dict[str, Any]:  # noqa: A002 - SCIM's term
        """Return a group, by default with its members.

        Raises:
            NotFoundException: No group has this id.
        """
        response = await self._request("GET", "groups", id, what=id)
        return await self._resource(response.json(), members=members)

    async def replace(self, id: str, body: Mapping[str, Any]) -> dict[str, Any]:  # noqa: A002 - as above
        """Replace a group's name, external id and members, and return the group.

        Raises:
            SCIMException: See `create` and `get`.
        """
        group = (await self._request("GET", "groups", id, what=id)).json()
        await self._request("PUT", "groups", id, what=id, json=_changed(group, {"externalid": None} | flatten(body)))
        await self._set_members(id, _ids(body.get("members")), was=await self._member_ids(id))
        return await self.get(id)

    async def patch(self, id: str, body: object) -> None:  # noqa: A002 - as above
        """Change a group as a PATCH body says.

        Raises:
            SCIMException: See `member_changes` and `get`.
        """
        changes, members = member_changes(body)
        group = (await self._request("GET", "groups", id, what=id)).json()
        if changes:
            await self._request("PUT", "groups", id, what=id, json=_changed(group, changes))
        for op, ids in members:
            if op == "replace":
                await self._set_members(id, ids, was=await self._member_ids(id))
            else:
                for user in ids:
                    await self._member("PUT" if op == "add" else "DELETE", id, user)

    async def delete(self, id: str) -> None:  # noqa: A002 - as above
        """Delete a group.

        Raises:
            NotFoundException: No group has this id.
        """
        await self._request("DELETE", "groups", id, what=id)

    async def find(self, condition: FilterNode | None, start: int, count: int, *, members: bool) -> Page:
        """Return at most `count` of the groups that match, from the one-based `start`."""
        found = []
        wanted = equalities(condition) if condition is not None else {}
        asks_for_members = condition is not None and "members" in str(condition).lower()
        async for group in self._candidates(wanted):
            # A filter on members needs them even if the answer omits them.
            resource = await self._resource(group, members=members or asks_for_members)
            ids = {"members.value": [member["value"] for member in resource.get("members", [])]}
            if condition is None or matches(condition, flat(resource) | ids, _SAME):
                found.append(resource if members else {name: resource[name] for name in resource if name != "members"})
        return Page(resources=found[start - 1 : start - 1 + count], total=len(found))

    async def _candidates(self, wanted: Mapping[str, Any]) -> AsyncIterator[dict[str, Any]]:
        name = wanted.get("displayname")
        # Keycloak's exact search is case-sensitive, SCIM's displayName is not.
        query = {"search": name} if isinstance(name, str) else {}
        first = 0
        while True:
            groups = (
                await self._request(
                    "GET",
                    "groups",
                    what="list",
                    params={"first": first, "max": _PAGE, "briefRepresentation": "false", **query},
                )
            ).json()
            for group in groups:
                yield group
            if len(groups) < _PAGE:
                return
            first += _PAGE

    async def _resource(self, group: Mapping[str, Any], *, members: bool) -> dict[str, Any]:
        resource: dict[str, Any] = {
            "schemas": [CORE_GROUP],
            "id": group["id"],
            "displayName": group["name"],
            "meta": {"resourceType": "Group", "location": f"{self._base_url}/Groups/{group['id']}"},
        }
        external = (group.get("attributes") or {}).get(EXTERNAL_ID)
        if external:
            resource["externalId"] = external[0]
        if members:
            resource["members"] = [
                {"value": user["id"], "display": user["username"], "$ref": f"{self._base_url}/Users/{user['id']}"}
                for user in await self._members(group["id"])
            ]
        return resource

    async def _members(self, id: str) -> list[dict[str, Any]]:  # noqa: A002 - as above
        found: list[dict[str, Any]] = []
        while True:
            page = await self._request(
                "GET", "groups", id, "members", what=id, params={"first": len(found), "max": _PAGE}
            )
            users = page.json()
            found += users
            if len(users) < _PAGE:
                return found

    async def _member_ids(self, id: str) -> set[str]:  # noqa: A002 - as above
        return {user["id"] for user in await self._members(id)}

    async def _set_members(self, id: str, wanted: list[str], *, was: set[str]) -> None:  # noqa: A002 - as above
        for user in wanted:
            if user not in was:
                await self._member("PUT", id, user)
        for user in was - set(wanted):
            await self._member("DELETE", id, user)

    async def _member(self, method: str, id: str, user: str) -> None:  # noqa: A002 - as above
        try:
            await self._admin.request(method, realm_path(self._realm, "users", user, "groups", id))
        except KeycloakRefusedError as error:
            if error.status != _NOT_FOUND:
                raise
            if method == "PUT":
                raise InvalidValueException(detail=f"members: no user {user} in {self._realm}") from None

    async def _request(self, method: str, *parts: str, what: str, **options: Any) -> Any:  # noqa: ANN401 - a response
        try:
            return await self._admin.request(method, realm_path(self._realm, *parts), **options)
        except KeycloakRefusedError as error:
            if error.status == _NOT_FOUND:
                raise NotFoundException(detail=f"no group {what} in {self._realm}") from None
            if error.status == _CONFLICT:
                raise UniquenessException(detail=f"group {what}: {error.reason}") from None
            raise


def _changed(group: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    attributes = dict(group.get("attributes") or {})
    if "externalid" in changes:
        external = changes["externalid"]
        if external:
            attributes[EXTERNAL_ID] = [str(external)]
        else:
            attributes.pop(EXTERNAL_ID, None)
    name = changes.get("displayname") or group.get("name")
    if name is not None and (not isinstance(name, str) or len(name) > _LONGEST_NAME):
        raise InvalidValueException(detail=f"displayName must be a string of at most {_LONGEST_NAME} characters")
    return {**group, "name": name, "attributes": attributes}


def _ids(members: object) -> list[str]:
    if not isinstance(members, list):
        return []
    return [str(member["value"]) for member in members if isinstance(member, Mapping) and member.get("value")]
