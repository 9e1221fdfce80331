"""Graph's operations on directory roles, the organization, its domains, and objects of any kind.

Follows learn.microsoft.com/graph/api/resources/directoryrole, organization, domain, directoryobject.
Must not know synchronization jobs.
"""

from . import permissions
from .directory import Directory
from .graph_errors import not_found, refuse
from .graph_routing import GraphAnswer, GraphRequest, Json, Router, page

USER_DEFAULTS = (
    "businessPhones", "displayName", "givenName", "id", "jobTitle", "mail", "mobilePhone", "officeLocation",
    "preferredLanguage", "surname", "userPrincipalName",
)  # fmt: skip
"""The properties of a user that v1.0 returns without $select; accountEnabled, for example, is not one of them."""


def typed_objects(directory: Directory, ids: list[str]) -> list[Json]:
    """Return principals by id, each with its @odata.type, without soft-deleted users."""
    items = []
    for object_id in ids:
        if object_id not in directory.deleted_users:
            found, item = directory.principal(object_id)
            items.append({"@odata.type": f"#microsoft.graph.{found[0].lower()}{found[1:]}", **item})
    return items


class TenantRoutes:
    """The handlers for the roles, domains and objects of one directory."""

    def __init__(self, directory: Directory) -> None:
        """Serve this directory."""
        self._directory = directory

    def register(self, router: Router) -> None:
        """Add the operations to the router's table."""
        roles = permissions.READ_ROLES
        router.add("GET", "/directoryRoles", roles, self.list_roles)
        router.add("GET", "/directoryRoles/{role}", roles, self.get_role)
        router.add("GET", "/directoryRoles/{role}/members", roles, self.list_role_members)
        router.add("GET", "/directoryRoles(roleTemplateId='{template}')", roles, self.get_role)
        router.add("GET", "/directoryRoles(roleTemplateId='{template}')/members", roles, self.list_role_members)
        router.add("GET", "/directoryObjects/{object}", permissions.READ_OBJECTS, self.get_object)
        router.add("POST", "/directoryObjects/getByIds", permissions.READ_OBJECTS, self.get_objects)
        router.add("GET", "/organization", permissions.READ_ORGANIZATION, self.list_organizations)
        router.add("GET", "/domains", permissions.READ_DOMAINS, self.list_domains)
        router.add("GET", "/domains/{domain}", permissions.READ_DOMAINS, self.get_domain)

    def list_roles(self, request: GraphRequest) -> GraphAnswer:
        """GET /directoryRoles."""
        return page(request, list(self._directory.roles.values()), "directoryRoles")

    def _role(self, role: str | None, template: str | None) -> Json:
        for item in self._directory.roles.values():
            if role == item["id"] or template == item["roleTemplateId"]:
                return item
        raise not_found(role or template or "")

    def get_role(self, request: GraphRequest, role: str | None = None, template: str | None = None) -> GraphAnswer:
        """GET /directoryRoles/{id}, or by role template."""
        found = self._role(role, template)
        return GraphAnswer(200, {"@odata.context": request.context("directoryRoles/$entity"), **found})

    def list_role_members(
        self, request: GraphRequest, role: str | None = None, template: str | None = None
    ) -> GraphAnswer:
        """GET /directoryRoles/{id}/members, with the role given by id or by role template.

        As in Graph, a caller without a permission to read users only gets the members' ids.
        """
        members = typed_objects(self._directory, self._directory.role_members[self._role(role, template)["id"]])
        if not permissions.READ_USERS[0] & request.caller.roles:
            members = [{"@odata.type": item["@odata.type"], "id": item["id"]} for item in members]
            return page(request, members, "directoryObjects")
        return page(request, members, "directoryObjects", default_properties=USER_DEFAULTS)

    def get_object(self, request: GraphRequest, object: str) -> GraphAnswer:  # noqa: A002 - name of the path segment
        """GET /directoryObjects/{id}."""
        self._directory.principal(object)
        return GraphAnswer(
            200,
            {
                "@odata.context": request.context("directoryObjects/$entity"),
                **typed_objects(self._directory, [object])[0],
            },
        )

    def get_objects(self, request: GraphRequest) -> GraphAnswer:
        """POST /directoryObjects/getByIds: omits unknown ids; at most 1,000 ids."""
        body = request.json()
        ids = body.get("ids", [])
        if not 1 <= len(ids) <= 1000:  # noqa: PLR2004 - documented limit
            refuse("The number of ids must be between 1 and 1000.")
        types = {str(kind).casefold() for kind in body.get("types", [])}
        known = [
            key
            for key in ids
            if key in {*self._directory.users, *self._directory.groups, *self._directory.service_principals}
        ]
        items = [
            item
            for item in typed_objects(self._directory, known)
            if not types or item["@odata.type"].rsplit(".", 1)[-1].casefold() in types
        ]
        return GraphAnswer(200, {"@odata.context": request.context("directoryObjects"), "value": items})

    def list_organizations(self, request: GraphRequest) -> GraphAnswer:
        """GET /organization: the tenant itself."""
        organisation = self._directory.organisation
        item: Json = {
            "id": organisation.tenant_id,
            "displayName": organisation.name,
            "tenantType": "AAD",
            "countryLetterCode": "CA",
            "verifiedDomains": [
                {
                    "capabilities": "Email",
                    "isDefault": domain["isDefault"],
                    "isInitial": domain["isInitial"],
                    "name": domain["id"],
                    "type": "Managed",
                }
                for domain in self._domains()
            ],
        }
        return page(request, [item], "organization")

    def _domains(self) -> list[Json]:
        organisation = self._directory.organisation
        return [
            {
                "id": name,
                "authenticationType": "Managed",
                "isAdminManaged": True,
                "isDefault": not initial,
                "isInitial": initial,
                "isRoot": True,
                "isVerified": True,
                "supportedServices": [] if initial else ["Email"],
            }
            for name, initial in ((organisation.domain, False), (organisation.initial_domain, True))
        ]

    def list_domains(self, request: GraphRequest) -> GraphAnswer:
        """GET /domains."""
        return page(request, self._domains(), "domains")

    def get_domain(self, request: GraphRequest, domain: str) -> GraphAnswer:
        """GET /domains/{name}."""
        for item in self._domains():
            if item["id"] == domain:
                return GraphAnswer(200, {"@odata.context": request.context("domains/$entity"), **item})
        raise not_found(domain)
