"""Graph's operations on applications, service principals and app role assignments.

Follows learn.microsoft.com/graph/api/resources/application, serviceprincipal, approleassignment, applicationtemplate.
Must not know synchronization jobs.
"""

from collections.abc import Callable

from . import permissions
from .application_template import NON_GALLERY_TEMPLATE
from .directory import Directory
from .graph_errors import not_found, refuse
from .graph_routing import GraphAnswer, GraphRequest, Json, Router, one, page


class ApplicationRoutes:
    """The handlers for the applications of one directory."""

    def __init__(self, directory: Directory, on_deleted: Callable[[str], None]) -> None:
        """Serve this directory.

        Args:
            directory: The directory with the applications.
            on_deleted: Receives the id of each service principal that is deleted.
        """
        self._directory = directory
        self._on_deleted = on_deleted

    def register(self, router: Router) -> None:
        """Add the operations to the router's table."""
        read, write = permissions.READ_APPLICATIONS, permissions.WRITE_APPLICATIONS
        router.add("GET", "/applicationTemplates", permissions.NOTHING, self.list_templates)
        router.add("GET", "/applicationTemplates/{template}", permissions.NOTHING, self.get_template)
        router.add("POST", "/applicationTemplates/{template}/instantiate", write, self.instantiate)
        router.add("GET", "/applications", read, self.list_applications)
        router.add("GET", "/applications/{application}", read, self.get_application)
        router.add("PATCH", "/applications/{application}", write, self.update_application)
        router.add("DELETE", "/applications/{application}", write, self.delete_application)
        router.add("GET", "/applications/{application}/owners", read, self.list_owners)
        one = "/servicePrincipals/{principal}"
        router.add("GET", "/servicePrincipals", read, self.list_principals)
        router.add("GET", one, read, self.get_principal)
        router.add("PATCH", one, write, self.update_principal)
        router.add("DELETE", one, write, self.delete_principal)
        router.add("GET", f"{one}/owners", read, self.list_owners)
        assigned = f"{one}/appRoleAssignedTo"
        router.add("GET", assigned, permissions.READ_ASSIGNMENTS, self.list_assigned)
        router.add("POST", assigned, permissions.WRITE_ASSIGNMENTS, self.assign)
        router.add("GET", assigned + "/{assignment}", permissions.READ_ASSIGNMENTS, self.get_assigned)
        router.add("DELETE", assigned + "/{assignment}", permissions.WRITE_ASSIGNMENTS, self.unassign)
        for collection in ("users", "groups"):
            path = f"/{collection}/{{holder}}/appRoleAssignments"
            router.add("GET", path, permissions.READ_ASSIGNMENTS, self.list_held)

    # --- templates and applications ----------------------------------------------------------------------------------

    def _template(self) -> Json:
        return {
            "id": NON_GALLERY_TEMPLATE,
            "displayName": "Custom",
            "categories": [],
            "description": None,
            "homePageUrl": None,
            "logoUrl": None,
            "publisher": None,
            "supportedProvisioningTypes": ["sync"],
            "supportedSingleSignOnModes": ["saml", "password", "external"],
        }

    def list_templates(self, request: GraphRequest) -> GraphAnswer:
        """GET /applicationTemplates: the template for applications outside the gallery."""
        return page(request, [self._template()], "applicationTemplates")

    def get_template(self, request: GraphRequest, template: str) -> GraphAnswer:
        """GET /applicationTemplates/{id}."""
        if template != NON_GALLERY_TEMPLATE:
            raise not_found(template)
        return GraphAnswer(200, {"@odata.context": request.context("applicationTemplates/$entity"), **self._template()})

    def instantiate(self, request: GraphRequest, template: str) -> GraphAnswer:
        """POST /applicationTemplates/{id}/instantiate."""
        name = request.json().get("displayName")
        if not isinstance(name, str) or not name:
            refuse("Property displayName is required.")
        # A caller that may only write what it owns becomes the owner of what it creates.
        full = {"Application.ReadWrite.All", "Directory.ReadWrite.All"} & request.caller.roles
        owner = None if full else request.caller.object_id
        application, principal = self._directory.instantiate(template, name, owner)
        context = request.context("microsoft.graph.applicationServicePrincipal")
        return GraphAnswer(201, {"@odata.context": context, "application": application, "servicePrincipal": principal})

    def _application(self, application: str) -> Json:
        if application not in self._directory.applications:
            raise not_found(application)
        return self._directory.applications[application]

    def list_applications(self, request: GraphRequest) -> GraphAnswer:
        """GET /applications."""
        return page(request, list(self._directory.applications.values()), "applications")

    def get_application(self, request: GraphRequest, application: str) -> GraphAnswer:
        """GET /applications/{object id}."""
        found = one(request, self._application(application), "applications")
        return GraphAnswer(200, {"@odata.context": request.context("applications/$entity"), **found})

    def update_application(self, request: GraphRequest, application: str) -> GraphAnswer:
        """PATCH /applications/{object id}."""
        found = self._application(application)
        changes = {name: value for name, value in request.json().items() if not name.startswith("@")}
        for name in ("id", "appId", "applicationTemplateId"):
            if name in changes:
                refuse(f"Property '{name}' is read-only and cannot be set.")
        if "displayName" in changes:
            self._directory.rename_application(found, changes.pop("displayName"))
        found.update(changes)
        self._directory.changed()
        return GraphAnswer(204)

    def delete_application(self, request: GraphRequest, application: str) -> GraphAnswer:
        """DELETE /applications/{object id}: also deletes its service principal with everything that belongs to it."""
        del request
        for principal in self._directory.delete_application(application):
            self._on_deleted(principal)
        return GraphAnswer(204)

    def list_owners(
        self, request: GraphRequest, application: str | None = None, principal: str | None = None
    ) -> GraphAnswer:
        """GET owners of an application or service principal."""
        item = self._application(application) if application else self._principal(principal or "")
        owners = [
            {"@odata.type": "#microsoft.graph.servicePrincipal", **self._directory.principal(owner)[1]}
            for owner in self._directory.owners.get(item["id"], [])
        ]
        return page(request, owners, "directoryObjects")

    # --- service principals ------------------------------------------------------------------------------------------

    def _principal(self, principal: str) -> Json:
        if principal not in self._directory.service_principals:
            raise not_found(principal)
        return self._directory.service_principals[principal]

    def list_principals(self, request: GraphRequest) -> GraphAnswer:
        """GET /servicePrincipals."""
        return page(request, list(self._directory.service_principals.values()), "servicePrincipals")

    def get_principal(self, request: GraphRequest, principal: str) -> GraphAnswer:
        """GET /servicePrincipals/{object id}."""
        # Graph returns the entity's id and the selected properties; on beta, unknown names in $select are null.
        found = one(request, self._principal(principal), "servicePrincipals")
        return GraphAnswer(
            200, {"@odata.context": request.context("servicePrincipals/$entity"), "id": principal, **found}
        )

    def update_principal(self, request: GraphRequest, principal: str) -> GraphAnswer:
        """PATCH /servicePrincipals/{object id}."""
        found = self._principal(principal)
        changes = {name: value for name, value in request.json().items() if not name.startswith("@")}
        for name in ("id", "appId", "applicationTemplateId"):
            if name in changes:
                refuse(f"Property '{name}' is read-only and cannot be set.")
        found.update(changes)
        self._directory.changed()
        return GraphAnswer(204)

    def delete_principal(self, request: GraphRequest, principal: str) -> GraphAnswer:
        """DELETE /servicePrincipals/{object id}."""
        del request
        self._directory.delete_service_principal(principal)
        self._on_deleted(principal)
        return GraphAnswer(204)

    # --- assignments -------------------------------------------------------------------------------------------------

    def list_assigned(self, request: GraphRequest, principal: str) -> GraphAnswer:
        """GET /servicePrincipals/{id}/appRoleAssignedTo."""
        self._principal(principal)
        return page(request, self._directory.assigned_to(principal), "appRoleAssignments")

    def assign(self, request: GraphRequest, principal: str) -> GraphAnswer:
        """POST /servicePrincipals/{id}/appRoleAssignedTo."""
        self._principal(principal)
        body = request.json()
        for name in ("principalId", "resourceId", "appRoleId"):
            if not isinstance(body.get(name), str):
                refuse(f"One or more properties are missing or invalid: '{name}'.")
        if body["resourceId"] != principal:
            refuse("The resourceId does not match the service principal of the request.")
        assignment = self._directory.assign(principal, body["principalId"], body["appRoleId"])
        return GraphAnswer(201, {"@odata.context": request.context("appRoleAssignments/$entity"), **_typed(assignment)})

    def get_assigned(self, request: GraphRequest, principal: str, assignment: str) -> GraphAnswer:
        """GET /servicePrincipals/{id}/appRoleAssignedTo/{id}."""
        self._principal(principal)
        found = self._directory.assignment(principal, assignment)
        return GraphAnswer(200, {"@odata.context": request.context("appRoleAssignments/$entity"), **_typed(found)})

    def unassign(self, request: GraphRequest, principal: str, assignment: str) -> GraphAnswer:
        """DELETE /servicePrincipals/{id}/appRoleAssignedTo/{id}."""
        del request
        self._principal(principal)
        self._directory.unassign(principal, assignment)
        return GraphAnswer(204)

    def list_held(self, request: GraphRequest, holder: str) -> GraphAnswer:
        """GET appRoleAssignments of a user or group."""
        held = [entry for entry in self._directory.assignments.values() if entry["principalId"] == holder]
        return page(request, held, "appRoleAssignments")


def _typed(assignment: Json) -> Json:
    return {"@odata.type": "#microsoft.graph.appRoleAssignment", **assignment}
