"""Graph's operations on users and groups.

Follows learn.microsoft.com/graph/api/resources/user and group. Must not know synchronization jobs.
"""

import uuid

from kzero_sandbox.organisation import SeedUser

from . import odata, permissions
from .application_template import now
from .directory import Directory
from .graph_errors import not_found, refuse
from .graph_routing import GraphAnswer, GraphRequest, Json, Router, one, page
from .tenant_routes import USER_DEFAULTS, typed_objects

_WRITABLE_NULLABLE = frozenset(
    {
        "accountEnabled", "businessPhones", "city", "companyName", "country", "department", "displayName", "employeeId",
        "faxNumber", "givenName", "jobTitle", "mail", "mailNickname", "mobilePhone", "officeLocation", "postalCode",
        "onPremisesExtensionAttributes", "preferredLanguage", "state", "streetAddress", "surname", "userPrincipalName",
        "userType", "passwordProfile", "usageLocation",
    }
)  # fmt: skip
_BODY_REFERENCE = "@odata.id"
_MANAGER = "manager"


class DirectoryRoutes:
    """The handlers for the users and groups of one directory."""

    def __init__(self, directory: Directory) -> None:
        """Serve this directory."""
        self._directory = directory

    def register(self, router: Router) -> None:
        """Add the operations to the router's table."""
        read_users, write_users = permissions.READ_USERS, permissions.WRITE_USERS
        router.add("GET", "/users", read_users, self.list_users)
        router.add("POST", "/users", write_users, self.create_user)
        router.add("GET", "/users/{user}", read_users, self.get_user)
        router.add("PATCH", "/users/{user}", write_users, self.update_user)
        router.add("DELETE", "/users/{user}", write_users, self.delete_user)
        router.add("GET", "/users/{user}/manager", read_users, self.get_manager)
        router.add("PUT", "/users/{user}/manager/$ref", write_users, self.set_manager)
        router.add("DELETE", "/users/{user}/manager/$ref", write_users, self.remove_manager)
        router.add("GET", "/users/{user}/memberOf", read_users, self.member_of)
        deleted = "/directory/deletedItems"
        router.add("GET", f"{deleted}/microsoft.graph.user", read_users, self.list_deleted_users)
        router.add("DELETE", deleted + "/{user}", write_users, self.purge_user)
        router.add("POST", deleted + "/{user}/restore", write_users, self.restore_user)
        self._register_groups(router)

    def _register_groups(self, router: Router) -> None:
        read, write = permissions.READ_GROUPS, permissions.WRITE_GROUPS
        router.add("GET", "/groups", read, self.list_groups)
        router.add("POST", "/groups", write, self.create_group)
        router.add("GET", "/groups/{group}", read, self.get_group)
        router.add("PATCH", "/groups/{group}", write, self.update_group)
        router.add("DELETE", "/groups/{group}", write, self.delete_group)
        router.add("GET", "/groups/{group}/members", read, self.list_members)
        router.add("GET", "/groups/{group}/members/microsoft.graph.{kind}", read, self.list_members)
        router.add("POST", "/groups/{group}/members/$ref", write, self.add_member)
        router.add("DELETE", "/groups/{group}/members/{member}/$ref", write, self.remove_member)
        router.add("GET", "/groups/{group}/owners", read, self.list_group_owners)

    # --- users -------------------------------------------------------------------------------------------------------

    def list_users(self, request: GraphRequest) -> GraphAnswer:
        """GET /users."""
        found = self._by_index("users", "userPrincipalName", request)
        items = list(self._directory.users.values()) if found is None else found
        return self._expanded(
            request, page(request, items, "users", default_properties=USER_DEFAULTS, searched=found is not None)
        )

    def _by_index(self, collection: str, name: str, request: GraphRequest) -> list[Json] | None:
        """Answer the most common filter from an index instead of checking all objects; None for any other filter."""
        text = request.query.get("$filter")
        tree = odata.parse_filter(text) if text else None
        match tree:
            case odata.Comparison(asked, "eq", str(value)) if asked == name:
                return self._directory.indexed(collection, name, value)
            case odata.Membership(asked, values) if asked == name and len(values) <= odata.MAXIMUM_ALTERNATIVES:
                wanted = dict.fromkeys(str(value).casefold() for value in values)
                return [item for value in wanted for item in self._directory.indexed(collection, name, value)]
            case _:
                return None

    def _expanded(self, request: GraphRequest, answer: GraphAnswer) -> GraphAnswer:
        if not request.query.get("$expand", "").startswith("manager"):
            return answer
        users = answer.body.get("value", [answer.body])
        for index, user in enumerate(users):
            manager = self._directory.users.get(self._directory.managers.get(str(user.get("id")), ""))
            shown = (
                {"@odata.type": "#microsoft.graph.user", **odata.select(manager, USER_DEFAULTS)} if manager else None
            )
            users[index] = {**user, **({"manager": shown} if shown else {})}
        if "value" in answer.body:
            return answer
        return GraphAnswer(answer.status, users[0], answer.headers)

    def create_user(self, request: GraphRequest) -> GraphAnswer:
        """POST /users."""
        body = request.json()
        for name in ("accountEnabled", "displayName", "mailNickname", "userPrincipalName", "passwordProfile"):
            if body.get(name) in (None, ""):
                refuse(f"A value is required for property '{name}' of resource 'User'.")
        user = self._directory.add_user(
            SeedUser(user_principal_name=body["userPrincipalName"], display_name=body["displayName"])
        )
        self._update_user(user, body)
        return GraphAnswer(
            201, {"@odata.context": request.context("users/$entity"), **odata.select(user, USER_DEFAULTS)}
        )

    def get_user(self, request: GraphRequest, user: str) -> GraphAnswer:
        """GET /users/{id or user principal name}."""
        found = one(request, self._directory.user(user), "users", USER_DEFAULTS)
        return self._expanded(request, GraphAnswer(200, {"@odata.context": request.context("users/$entity"), **found}))

    def update_user(self, request: GraphRequest, user: str) -> GraphAnswer:
        """PATCH /users/{id}."""
        self._update_user(self._directory.user(user), request.json())
        return GraphAnswer(204)

    def _update_user(self, user: Json, body: Json) -> None:
        changes = {name: value for name, value in body.items() if not name.startswith("@")}
        for name in changes.keys() - _WRITABLE_NULLABLE:
            refuse(f"Invalid property '{name}'.")
        changes.pop("passwordProfile", None)
        extension = changes.pop("onPremisesExtensionAttributes", None) or {}
        user.update(changes)
        user["onPremisesExtensionAttributes"] = {**user["onPremisesExtensionAttributes"], **extension}
        self._directory.changed()

    def delete_user(self, request: GraphRequest, user: str) -> GraphAnswer:
        """DELETE /users/{id}: a soft delete."""
        del request
        self._directory.delete_user(user)
        return GraphAnswer(204)

    def list_deleted_users(self, request: GraphRequest) -> GraphAnswer:
        """GET /directory/deletedItems/microsoft.graph.user."""
        return page(request, list(self._directory.deleted_users.values()), "directoryObjects")

    def purge_user(self, request: GraphRequest, user: str) -> GraphAnswer:
        """DELETE /directory/deletedItems/{id}: a hard delete."""
        del request
        if user not in self._directory.deleted_users:
            raise not_found(user)
        self._directory.purge_user(user)
        return GraphAnswer(204)

    def restore_user(self, request: GraphRequest, user: str) -> GraphAnswer:
        """POST /directory/deletedItems/{id}/restore."""
        restored = self._directory.restore_user(user)
        return GraphAnswer(200, {"@odata.context": request.context("directoryObjects/$entity"), **restored})

    def get_manager(self, request: GraphRequest, user: str) -> GraphAnswer:
        """GET /users/{id}/manager."""
        manager = self._directory.users.get(self._directory.managers.get(self._directory.user(user)["id"], ""))
        if manager is None:
            raise not_found(_MANAGER)
        shown = one(request, manager, "users", USER_DEFAULTS)
        context = request.context("directoryObjects/$entity")
        return GraphAnswer(200, {"@odata.context": context, "@odata.type": "#microsoft.graph.user", **shown})

    def set_manager(self, request: GraphRequest, user: str) -> GraphAnswer:
        """PUT /users/{id}/manager/$ref."""
        manager = self._directory.user(_referenced(request))
        self._directory.managers[self._directory.user(user)["id"]] = manager["id"]
        self._directory.changed()
        return GraphAnswer(204)

    def remove_manager(self, request: GraphRequest, user: str) -> GraphAnswer:
        """DELETE /users/{id}/manager/$ref."""
        del request
        if self._directory.managers.pop(self._directory.user(user)["id"], None) is None:
            raise not_found(_MANAGER)
        self._directory.changed()
        return GraphAnswer(204)

    def member_of(self, request: GraphRequest, user: str) -> GraphAnswer:
        """GET /users/{id}/memberOf: the groups whose direct member the user is."""
        object_id = self._directory.user(user)["id"]
        groups = [
            {"@odata.type": "#microsoft.graph.group", **self._directory.groups[group]}
            for group, members in self._directory.members.items()
            if object_id in members
        ]
        return page(request, groups, "directoryObjects")

    # --- groups ------------------------------------------------------------------------------------------------------

    def list_groups(self, request: GraphRequest) -> GraphAnswer:
        """GET /groups."""
        found = self._by_index("groups", "displayName", request)
        items = list(self._directory.groups.values()) if found is None else found
        return page(request, items, "groups", searched=found is not None)

    def create_group(self, request: GraphRequest) -> GraphAnswer:
        """POST /groups."""
        body = request.json()
        for name in ("displayName", "mailEnabled", "mailNickname", "securityEnabled"):
            if body.get(name) in (None, ""):
                refuse(f"A value is required for property '{name}' of resource 'Group'.")
        group = {
            "id": str(uuid.uuid4()),
            "createdDateTime": now(),
            "description": body.get("description"),
            "displayName": body["displayName"],
            "groupTypes": body.get("groupTypes", []),
            "mail": None,
            "mailEnabled": body["mailEnabled"],
            "mailNickname": body["mailNickname"],
            "securityEnabled": body["securityEnabled"],
        }
        members = [link.rsplit("/", 1)[-1] for link in body.get("members@odata.bind", [])]
        for member in members:
            self._directory.principal(member)
        self._directory.groups[group["id"]] = group
        self._directory.members[group["id"]] = members
        self._directory.changed()
        return GraphAnswer(201, {"@odata.context": request.context("groups/$entity"), **group})

    def _group(self, group: str) -> Json:
        if group not in self._directory.groups:
            raise not_found(group)
        return self._directory.groups[group]

    def get_group(self, request: GraphRequest, group: str) -> GraphAnswer:
        """GET /groups/{id}."""
        found = one(request, self._group(group), "groups")
        return GraphAnswer(200, {"@odata.context": request.context("groups/$entity"), **found})

    def update_group(self, request: GraphRequest, group: str) -> GraphAnswer:
        """PATCH /groups/{id}."""
        found = self._group(group)
        changes = {name: value for name, value in request.json().items() if not name.startswith("@")}
        for name in changes.keys() - {"description", "displayName", "mailNickname", "securityEnabled", "mailEnabled"}:
            refuse(f"Invalid property '{name}'.")
        found.update(changes)
        self._directory.changed()
        return GraphAnswer(204)

    def delete_group(self, request: GraphRequest, group: str) -> GraphAnswer:
        """DELETE /groups/{id}."""
        del request
        self._directory.delete_group(group)
        return GraphAnswer(204)

    def list_members(self, request: GraphRequest, group: str, kind: str | None = None) -> GraphAnswer:
        """GET /groups/{id}/members: all members, or only those of one kind."""
        self._group(group)
        members = [
            item
            for item in typed_objects(self._directory, self._directory.members[group])
            if not kind or item["@odata.type"].endswith(kind)
        ]
        return page(request, members, "directoryObjects")

    def add_member(self, request: GraphRequest, group: str) -> GraphAnswer:
        """POST /groups/{id}/members/$ref."""
        self._group(group)
        member = _referenced(request)
        self._directory.principal(member)
        if member in self._directory.members[group]:
            refuse(
                "One or more added object references already exist for the following modified properties: 'members'."
            )
        self._directory.members[group].append(member)
        self._directory.changed()
        return GraphAnswer(204)

    def remove_member(self, request: GraphRequest, group: str, member: str) -> GraphAnswer:
        """DELETE /groups/{id}/members/{id}/$ref."""
        del request
        self._group(group)
        if member not in self._directory.members[group]:
            raise not_found(member)
        self._directory.members[group].remove(member)
        self._directory.changed()
        return GraphAnswer(204)

    def list_group_owners(self, request: GraphRequest, group: str) -> GraphAnswer:
        """GET /groups/{id}/owners: seeded groups have no owners."""
        self._group(group)
        return page(request, [], "directoryObjects")


def _referenced(request: GraphRequest) -> str:
    link = request.json().get(_BODY_REFERENCE)
    if not isinstance(link, str) or "/" not in link:
        refuse(f"The request body must contain '{_BODY_REFERENCE}' with the URL of an object.")
    return link.rsplit("/", 1)[-1]
