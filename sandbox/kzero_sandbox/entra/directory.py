"""The directory of the local Entra tenant: users, groups, applications, assignments and roles, as Graph's JSON.

Stores and relates objects. Must not know HTTP, permissions or provisioning.
"""

import base64
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from kzero_sandbox.organisation import GLOBAL_ADMINISTRATOR, Organisation, SeedUser, fixed_id

from .application_template import NON_GALLERY_TEMPLATE, now, template_objects
from .graph_errors import not_found, refuse

Json = dict[str, Any]

DEFAULT_ACCESS = "00000000-0000-0000-0000-000000000000"
"""App role id of an assignment without a role, for applications that define no roles."""


def _user(seed: SeedUser) -> Json:
    nickname = seed.user_principal_name.partition("@")[0]
    return {
        "id": seed.id,
        "accountEnabled": seed.account_enabled,
        "businessPhones": [],
        "city": None,
        "companyName": None,
        "country": None,
        "createdDateTime": "2026-01-05T08:00:00Z",
        "department": seed.department,
        "displayName": seed.display_name,
        "employeeId": seed.employee_id,
        "faxNumber": None,
        "givenName": seed.given_name,
        "jobTitle": seed.job_title,
        "mail": seed.mail,
        "mailNickname": nickname.replace("#", ""),
        "mobilePhone": None,
        "officeLocation": None,
        "onPremisesExtensionAttributes": {
            f"extensionAttribute{number}": seed.extension_attribute1 if number == 1 else None for number in range(1, 16)
        },
        "postalCode": None,
        "preferredLanguage": None,
        "state": None,
        "streetAddress": None,
        "surname": seed.surname,
        "userPrincipalName": seed.user_principal_name,
        "userType": seed.user_type,
    }


@dataclass
class Directory:
    """All objects of one tenant.

    Collections are keyed by object id. `version` counts changes and shows whether cached derived data is outdated.
    """

    organisation: Organisation
    users: dict[str, Json] = field(default_factory=dict)
    deleted_users: dict[str, Json] = field(default_factory=dict)
    """Soft-deleted users, which can be restored."""
    groups: dict[str, Json] = field(default_factory=dict)
    members: dict[str, list[str]] = field(default_factory=dict)
    """The direct members of each group."""
    managers: dict[str, str] = field(default_factory=dict)
    """The manager's id of each user that has a manager."""
    applications: dict[str, Json] = field(default_factory=dict)
    service_principals: dict[str, Json] = field(default_factory=dict)
    owners: dict[str, list[str]] = field(default_factory=dict)
    """The owners of applications and service principals."""
    assignments: dict[str, Json] = field(default_factory=dict)
    roles: dict[str, Json] = field(default_factory=dict)
    role_members: dict[str, list[str]] = field(default_factory=dict)
    client_secrets: dict[str, str] = field(default_factory=dict)
    """The secrets of applications created through Graph, by the key's id."""
    federated: dict[str, list[Json]] = field(default_factory=dict)
    """The federatedIdentityCredential objects of each application."""
    audits: list[Json] = field(default_factory=list)
    """The directoryAudit objects, oldest first."""
    version: int = 0
    _index: dict[tuple[str, str], tuple[int, dict[str, list[Json]]]] = field(default_factory=dict, repr=False)

    @classmethod
    def seeded(cls, organisation: Organisation) -> "Directory":
        """Return the initial directory of the organisation."""
        directory = cls(organisation)
        for user in organisation.users:
            directory.users[user.id] = _user(user)
        for user in organisation.users:
            if user.manager:
                directory.managers[user.id] = organisation.user(user.manager).id
        directory._seed_groups()
        directory._seed_roles()
        for client in organisation.clients:
            directory.service_principals[client.object_id] = {
                "id": client.object_id,
                "accountEnabled": True,
                "appId": client.client_id,
                "applicationTemplateId": None,
                "appRoleAssignmentRequired": False,
                "appRoles": [],
                "displayName": f"Sandbox client {client.name}",
                "servicePrincipalNames": [client.client_id],
                "servicePrincipalType": "Application",
                "tags": [],
            }
        return directory

    def _seed_groups(self) -> None:
        keys = {group.key: group.id for group in self.organisation.groups}
        for group in self.organisation.groups:
            self.groups[group.id] = {
                "id": group.id,
                "createdDateTime": "2026-01-05T08:00:00Z",
                "description": None,
                "displayName": group.display_name,
                "groupTypes": [],
                "mail": None,
                "mailEnabled": False,
                "mailNickname": group.key,
                "securityEnabled": True,
            }
            self.members[group.id] = [
                keys[name] if name in keys else self.organisation.user(name).id for name in group.members
            ]

    def _seed_roles(self) -> None:
        role_id = fixed_id("role:global-administrator")
        self.roles[role_id] = {
            "id": role_id,
            "description": "Can manage all aspects of Microsoft Entra ID and Microsoft services.",
            "displayName": "Global Administrator",
            "roleTemplateId": GLOBAL_ADMINISTRATOR,
        }
        self.role_members[role_id] = [
            self.organisation.user(name).id for name in self.organisation.global_administrators
        ]

    def changed(self) -> None:
        """Record that an object has changed."""
        self.version += 1

    def _added(self, collection: str, item: Json) -> None:
        """Record a new object and update the indices; tests add thousands of objects, so do not rebuild them."""
        for (indexed, name), (version, index) in list(self._index.items()):
            if version == self.version:
                if indexed == collection:
                    index.setdefault(str(item.get(name)).casefold(), []).append(item)
                self._index[indexed, name] = (version + 1, index)
        self.changed()

    # --- finding -----------------------------------------------------------------------------------------------------

    def indexed(self, collection: str, name: str, value: str) -> list[Json]:
        """Return the objects of a collection whose property has this value, ignoring case."""
        key = (collection, name)
        version, index = self._index.get(key, (-1, {}))
        if version != self.version:
            index = {}
            for item in getattr(self, collection).values():
                index.setdefault(str(item.get(name)).casefold(), []).append(item)
            self._index[key] = (self.version, index)
        return index.get(value.casefold(), [])

    def user(self, key: str) -> Json:
        """Return a user by object id or user principal name.

        Raises:
            GraphError: 404, if the user does not exist.
        """
        found = self.users.get(key) or next(iter(self.indexed("users", "userPrincipalName", key)), None)
        if found is None:
            raise not_found(key)
        return found

    def principal(self, object_id: str) -> tuple[str, Json]:
        """Return the kind (User, Group, ServicePrincipal) and the object of a principal.

        Raises:
            GraphError: 404, if the principal does not exist.
        """
        for kind, collection in (
            ("User", self.users),
            ("Group", self.groups),
            ("ServicePrincipal", self.service_principals),
        ):
            if object_id in collection:
                return kind, collection[object_id]
        raise not_found(object_id)

    def assigned_to(self, service_principal_id: str) -> list[Json]:
        """Return the app role assignments whose resource is this service principal."""
        return [entry for entry in self.assignments.values() if entry["resourceId"] == service_principal_id]

    def effective_members(self, group_id: str) -> Iterator[str]:
        """Yield the users among a group's direct members; like Entra, ignore nested groups."""
        yield from (member for member in self.members.get(group_id, []) if member in self.users)

    # --- changing ----------------------------------------------------------------------------------------------------

    def add_user(self, seed: SeedUser, object_id: str | None = None) -> Json:
        """Add a user, with a new id unless one is given.

        Raises:
            GraphError: 400, if another user has the user principal name.
        """
        if self.indexed("users", "userPrincipalName", seed.user_principal_name):
            refuse("Another object with the same value for property userPrincipalName already exists.")
        user = {**_user(seed), "id": object_id or str(uuid.uuid4()), "createdDateTime": now()}
        self.users[user["id"]] = user
        if seed.manager:
            self.managers[user["id"]] = self.user(seed.manager)["id"]
        self._added("users", user)
        return user

    def delete_user(self, key: str) -> None:
        """Soft-delete a user: groups, roles and scopes ignore the user until it is restored."""
        user = self.user(key)
        self.deleted_users[user["id"]] = {**user, "deletedDateTime": now()}
        del self.users[user["id"]]
        self.changed()

    def purge_user(self, object_id: str) -> None:
        """Delete a user permanently, with its memberships and assignments.

        Raises:
            GraphError: 404, if the user does not exist.
        """
        if self.deleted_users.pop(object_id, None) is None and self.users.pop(object_id, None) is None:
            raise not_found(object_id)
        for members in (*self.members.values(), *self.role_members.values()):
            if object_id in members:
                members.remove(object_id)
        self.managers = {user: manager for user, manager in self.managers.items() if object_id not in {user, manager}}
        self._drop_assignments(principal=object_id)
        self.changed()

    def restore_user(self, object_id: str) -> Json:
        """Restore a soft-deleted user.

        Raises:
            GraphError: 404, if no deleted user has this id.
        """
        user = self.deleted_users.pop(object_id, None)
        if user is None:
            raise not_found(object_id)
        user.pop("deletedDateTime", None)
        self.users[object_id] = user
        self.changed()
        return user

    def delete_group(self, group_id: str) -> None:
        """Delete a group with its memberships and assignments.

        Raises:
            GraphError: 404, if the group does not exist.
        """
        if self.groups.pop(group_id, None) is None:
            raise not_found(group_id)
        self.members.pop(group_id, None)
        for members in self.members.values():
            if group_id in members:
                members.remove(group_id)
        self._drop_assignments(principal=group_id)
        self.changed()

    def instantiate(self, template_id: str, display_name: str, owner: str | None) -> tuple[Json, Json]:
        """Create an application and its service principal from the non-gallery template.

        Args:
            template_id: The application template; only the non-gallery template exists here.
            display_name: The name of both objects.
            owner: The object id of the service principal that owns both objects, or None.

        Returns:
            The application and its service principal.

        Raises:
            GraphError: 404, for any other template.
        """
        if template_id != NON_GALLERY_TEMPLATE:
            raise not_found(template_id)
        application, service_principal = template_objects(display_name, self.organisation.tenant_id)
        self.applications[application["id"]] = application
        self.service_principals[service_principal["id"]] = service_principal
        for item in (application, service_principal):
            self.owners[item["id"]] = [owner] if owner else []
        self.changed()
        return application, service_principal

    def rename_application(self, application: Json, display_name: str) -> None:
        """Rename an application and, as Entra does, its service principal."""
        application["displayName"] = display_name
        for service_principal in self.indexed("service_principals", "appId", application["appId"]):
            service_principal["displayName"] = service_principal["appDisplayName"] = display_name
        self.changed()

    def delete_application(self, object_id: str) -> list[str]:
        """Delete an application, its service principals and their assignments.

        Returns:
            The ids of the service principals deleted with it.

        Raises:
            GraphError: 404, if the application does not exist.
        """
        application = self.applications.pop(object_id, None)
        if application is None:
            raise not_found(object_id)
        self.owners.pop(object_id, None)
        self.federated.pop(object_id, None)
        for password in application["passwordCredentials"]:
            self.client_secrets.pop(password["keyId"], None)
        deleted = [item["id"] for item in self.service_principals.values() if item["appId"] == application["appId"]]
        for service_principal_id in deleted:
            self.delete_service_principal(service_principal_id)
        self.changed()
        return deleted

    def delete_service_principal(self, object_id: str) -> None:
        """Delete a service principal and the assignments to it.

        Raises:
            GraphError: 404, if the service principal does not exist.
        """
        if self.service_principals.pop(object_id, None) is None:
            raise not_found(object_id)
        self.owners.pop(object_id, None)
        self._drop_assignments(resource=object_id)
        self._drop_assignments(principal=object_id)
        self.changed()

    def assign(self, service_principal_id: str, principal_id: str, role_id: str) -> Json:
        """Assign a user, group or service principal to a role of an application.

        Raises:
            GraphError: 404 for an unknown principal, 400 for an unknown role or an existing assignment.
        """
        resource = self.service_principals[service_principal_id]
        kind, principal = self.principal(principal_id)
        roles = {role["id"] for role in resource["appRoles"]} or {DEFAULT_ACCESS}
        if role_id not in roles:
            refuse(f"Permission being assigned was not found on application '{resource['appId']}'.")
        for entry in self.indexed("assignments", "principalId", principal_id):
            if entry["resourceId"] == service_principal_id and entry["appRoleId"] == role_id:
                refuse("Permission being assigned already exists on the object")
        # Ids are opaque to clients. Like Entra's, they contain the principal's id and more bytes, in URL-safe base64.
        raw = uuid.UUID(principal_id).bytes + uuid.uuid4().bytes
        assignment = {
            "id": base64.urlsafe_b64encode(raw).decode().rstrip("="),
            "deletedDateTime": None,
            "appRoleId": role_id,
            "createdDateTime": now(),
            "principalDisplayName": principal["displayName"],
            "principalId": principal_id,
            "principalType": kind,
            "resourceDisplayName": resource["displayName"],
            "resourceId": service_principal_id,
        }
        self.assignments[assignment["id"]] = assignment
        self._added("assignments", assignment)
        return assignment

    def unassign(self, service_principal_id: str, assignment_id: str) -> None:
        """Delete an assignment.

        Raises:
            GraphError: 404, if the assignment does not exist.
        """
        self.assignment(service_principal_id, assignment_id)
        del self.assignments[assignment_id]
        self.changed()

    def assignment(self, service_principal_id: str, assignment_id: str) -> Json:
        """Return an assignment of a service principal.

        Raises:
            GraphError: 404, if the assignment does not exist.
        """
        entry = self.assignments.get(assignment_id)
        if entry is None or entry["resourceId"] != service_principal_id:
            raise not_found(assignment_id)
        return entry

    def _drop_assignments(self, *, principal: str | None = None, resource: str | None = None) -> None:
        self.assignments = {
            key: entry
            for key, entry in self.assignments.items()
            if entry["principalId"] != principal and entry["resourceId"] != resource
        }
