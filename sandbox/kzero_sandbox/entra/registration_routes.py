"""Graph's operations on application registrations: secrets, federated credentials, service principals, granted roles.

Follows learn.microsoft.com/graph/api/application-post-applications, application-addpassword,
application-post-federatedidentitycredentials, serviceprincipal-post-serviceprincipals.
Must not know synchronization jobs.
"""

from . import permissions
from .directory import Directory
from .graph_errors import not_found, refuse
from .graph_routing import GraphAnswer, GraphRequest, Json, Router, page
from .registrations import Registry, add_federated, add_password, add_principal, new_application


class RegistrationRoutes:
    """The handlers for the application registrations of one directory."""

    def __init__(self, directory: Directory, registry: Registry) -> None:
        """Serve this directory.

        Args:
            directory: The directory with the applications.
            registry: All tenants, to find applications of other tenants.
        """
        self._directory = directory
        self._registry = registry

    def register(self, router: Router) -> None:
        """Add the operations to the router's table."""
        read, write = permissions.READ_APPLICATIONS, permissions.WRITE_APPLICATIONS
        one = "/applications/{application}"
        federated = f"{one}/federatedIdentityCredentials"
        router.add("POST", "/applications", write, self.create)
        router.add("POST", f"{one}/addPassword", write, self.add_password)
        router.add("POST", f"{one}/removePassword", write, self.remove_password)
        router.add("GET", federated, read, self.list_federated)
        router.add("POST", federated, write, self.add_federated)
        router.add("DELETE", federated + "/{credential}", write, self.remove_federated)
        router.add("POST", "/servicePrincipals", write, self.create_principal)
        held = "/servicePrincipals/{principal}/appRoleAssignments"
        router.add("GET", held, permissions.READ_ASSIGNMENTS, self.list_held)

    def _application(self, application: str) -> Json:
        if application not in self._directory.applications:
            raise not_found(application)
        return self._directory.applications[application]

    def create(self, request: GraphRequest) -> GraphAnswer:
        """POST /applications."""
        application = new_application(request.json(), self._directory.organisation.tenant_id)
        self._directory.applications[application["id"]] = application
        self._own(request, application)
        return GraphAnswer(201, {"@odata.context": request.context("applications/$entity"), **application})

    def create_principal(self, request: GraphRequest) -> GraphAnswer:
        """POST /servicePrincipals: for an application of this tenant or a multi-tenant application of another."""
        app_id = request.json().get("appId")
        if not isinstance(app_id, str):
            refuse("A value is required for property 'appId' of resource 'ServicePrincipal'.")
        principal = add_principal(self._directory, self._registry, app_id)
        self._own(request, principal)
        return GraphAnswer(201, {"@odata.context": request.context("servicePrincipals/$entity"), **principal})

    def _own(self, request: GraphRequest, item: Json) -> None:
        # A caller that may only write what it owns becomes the owner of what it creates.
        full = {"Application.ReadWrite.All", "Directory.ReadWrite.All"} & request.caller.roles
        self._directory.owners[item["id"]] = [] if full else [request.caller.object_id]
        self._directory.changed()

    def add_password(self, request: GraphRequest, application: str) -> GraphAnswer:
        """POST /applications/{object id}/addPassword."""
        asked = request.json().get("passwordCredential") or {}
        made = add_password(self._directory, self._application(application), asked)
        return GraphAnswer(200, {"@odata.context": request.context("microsoft.graph.passwordCredential"), **made})

    def remove_password(self, request: GraphRequest, application: str) -> GraphAnswer:
        """POST /applications/{object id}/removePassword."""
        found, key = self._application(application), request.json().get("keyId")
        left = [item for item in found["passwordCredentials"] if item["keyId"] != key]
        if len(left) == len(found["passwordCredentials"]):
            refuse(f"No password credential found with keyId '{key}'.")
        found["passwordCredentials"] = left
        self._directory.client_secrets.pop(str(key), None)
        self._directory.changed()
        return GraphAnswer(204)

    def list_federated(self, request: GraphRequest, application: str) -> GraphAnswer:
        """GET /applications/{object id}/federatedIdentityCredentials."""
        self._application(application)
        held = self._directory.federated.get(application, [])
        return page(request, held, f"applications('{application}')/federatedIdentityCredentials")

    def add_federated(self, request: GraphRequest, application: str) -> GraphAnswer:
        """POST /applications/{object id}/federatedIdentityCredentials."""
        made = add_federated(self._directory, self._application(application), request.json())
        context = f"applications('{application}')/federatedIdentityCredentials/$entity"
        return GraphAnswer(201, {"@odata.context": request.context(context), **made})

    def remove_federated(self, request: GraphRequest, application: str, credential: str) -> GraphAnswer:
        """DELETE /applications/{object id}/federatedIdentityCredentials/{id or name}."""
        del request
        self._application(application)
        held = self._directory.federated.get(application, [])
        left = [item for item in held if credential not in {item["id"], item["name"]}]
        if len(left) == len(held):
            raise not_found(credential)
        self._directory.federated[application] = left
        self._directory.changed()
        return GraphAnswer(204)

    def list_held(self, request: GraphRequest, principal: str) -> GraphAnswer:
        """GET /servicePrincipals/{id}/appRoleAssignments: the roles granted to the service principal itself."""
        if principal not in self._directory.service_principals:
            raise not_found(principal)
        held = self._directory.indexed("assignments", "principalId", principal)
        return page(request, held, "appRoleAssignments")
