"""Application registrations made through Graph: create applications and their service principals and credentials.

An application is registered in one tenant and signs in to every tenant that has a service principal of it. Follows
learn.microsoft.com/entra/identity-platform/app-objects-and-service-principals and
learn.microsoft.com/entra/workload-id/workload-identity-federation. Must not know HTTP or synchronization jobs.
"""

import secrets
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from kzero_sandbox.organisation import ALL_PERMISSIONS, fixed_id

from .application_template import now, template_objects
from .directory import Directory
from .graph_errors import GraphError, refuse

Json = dict[str, Any]

GRAPH = "00000003-0000-0000-c000-000000000000"
"""The application id of Microsoft Graph, the same in every tenant."""
MULTI_TENANT = frozenset({"AzureADMultipleOrgs", "AzureADandPersonalMicrosoftAccount"})
MOST_FEDERATED = 20
"""The maximum number of federated identity credentials of one application."""


class Registry:
    """The tenants of one Entra, to find an application in the tenant that registered it."""

    def __init__(self) -> None:
        """Start without tenants."""
        self._directories: list[Callable[[], Directory]] = []

    def join(self, directory: Callable[[], Directory]) -> None:
        """Add a tenant; its directory is requested for each search, because a reset replaces it."""
        self._directories.append(directory)

    def find(self, app_id: str) -> tuple[Directory, Json] | None:
        """Return an application by its application (client) id, with the directory that it is registered in."""
        for directory_of in self._directories:
            directory = directory_of()
            for application in directory.indexed("applications", "appId", app_id):
                return directory, application
        return None


def graph_principal(of: str) -> Json:
    """Return Microsoft Graph's own service principal, whose app roles are the application permissions."""
    roles = [
        {
            "allowedMemberTypes": ["Application"],
            "description": value,
            "displayName": value,
            "id": fixed_id(f"permission:{value}"),
            "isEnabled": True,
            "origin": "Application",
            "value": value,
        }
        for value in ALL_PERMISSIONS
    ]
    return {
        "id": fixed_id(f"graph:{of}"),
        "accountEnabled": True,
        "appId": GRAPH,
        "applicationTemplateId": None,
        "appRoleAssignmentRequired": False,
        "appRoles": roles,
        "displayName": "Microsoft Graph",
        "servicePrincipalNames": [GRAPH],
        "servicePrincipalType": "Application",
        "tags": [],
    }


def new_application(body: Json, tenant_id: str) -> Json:
    """Return a new application with these properties.

    Raises:
        GraphError: 400, if the name is missing.
    """
    name = body.get("displayName")
    if not isinstance(name, str) or not name:
        refuse("A value is required for property 'displayName' of resource 'Application'.")
    application, _ = template_objects(name, tenant_id)
    given = {key: value for key, value in body.items() if not key.startswith("@")}
    for key in ("id", "appId", "applicationTemplateId", "passwordCredentials"):
        if key in given:
            refuse(f"Property '{key}' cannot be set.")
    web = {"homePageUrl": None, "redirectUris": [], **given.pop("web", {})}
    return {**application, "applicationTemplateId": None, "appRoles": [], **given, "web": web}


def add_principal(directory: Directory, registry: Registry, app_id: str) -> Json:
    """Create the service principal of an application in a tenant.

    Raises:
        GraphError: 400, if the application does not exist or another tenant reserves it for itself; 409, if the tenant
            already has the service principal.
    """
    found = registry.find(app_id)
    if found is None or (found[0] is not directory and found[1]["signInAudience"] not in MULTI_TENANT):
        refuse(f"The appId '{app_id}' of the service principal does not reference a valid application object.")
    home, application = found
    if directory.indexed("service_principals", "appId", app_id):
        message = (
            f"The service principal cannot be created because the service principal name {app_id} is already in use."
        )
        raise GraphError(409, "Request_MultipleObjectsWithSameKeyValue", message)
    _, principal = template_objects(application["displayName"], home.organisation.tenant_id)
    principal |= {
        "appId": app_id,
        "applicationTemplateId": None,
        "appRoleAssignmentRequired": False,
        "appRoles": application["appRoles"],
        "homepage": None,
        "servicePrincipalNames": [app_id],
        "signInAudience": application["signInAudience"],
        "tags": [],
    }
    directory.service_principals[principal["id"]] = principal
    directory.owners[principal["id"]] = []
    directory.changed()
    return principal


def add_password(directory: Directory, application: Json, asked: Json) -> Json:
    """Add a client secret to an application and return it, with its text; by default, it expires after two years."""
    made = datetime.now(UTC)
    ends = asked.get("endDateTime") or (made + timedelta(days=730)).strftime("%Y-%m-%dT%H:%M:%SZ")
    text = f"{secrets.token_urlsafe(3)}~{secrets.token_urlsafe(27)}"
    key = str(uuid.uuid4())
    shown = {
        "customKeyIdentifier": None,
        "displayName": asked.get("displayName"),
        "endDateTime": ends,
        "hint": text[:3],
        "keyId": key,
        "secretText": None,
        "startDateTime": asked.get("startDateTime") or now(),
    }
    application["passwordCredentials"] = [*application["passwordCredentials"], shown]
    directory.client_secrets[key] = text
    directory.changed()
    return {**shown, "secretText": text}


def add_federated(directory: Directory, application: Json, body: Json) -> Json:
    """Let the holder of another issuer's token sign in as an application.

    Raises:
        GraphError: 400 for a missing value or too many credentials; 409 for a used name, or a used issuer and subject.
    """
    held = directory.federated.setdefault(application["id"], [])
    for name in ("name", "issuer", "subject"):
        if not isinstance(body.get(name), str) or not body[name]:
            refuse(f"A value is required for property '{name}' of resource 'FederatedIdentityCredential'.")
    audiences = body.get("audiences")
    if not isinstance(audiences, list) or len(audiences) != 1:
        refuse("Property 'audiences' must have exactly one value.")
    if len(held) >= MOST_FEDERATED:
        refuse(f"The number of federated identity credentials exceeds the maximum of {MOST_FEDERATED}.")
    for other in held:
        if other["name"] == body["name"] or all(other[key] == body[key] for key in ("issuer", "subject")):
            message = "FederatedIdentityCredential with the same name, or issuer and subject, already exists."
            raise GraphError(409, "Request_MultipleObjectsWithSameKeyValue", message)
    credential = {
        "id": str(uuid.uuid4()),
        "audiences": audiences,
        "description": body.get("description"),
        "issuer": body["issuer"],
        "name": body["name"],
        "subject": body["subject"],
    }
    held.append(credential)
    directory.changed()
    return credential


def grant(directory: Directory, principal: Json, application: Json) -> None:
    """Consent, as an administrator does, to all application permissions of Graph that an application requests."""
    (graph,) = directory.indexed("service_principals", "appId", GRAPH)
    asked = {
        access["id"]
        for resource in application["requiredResourceAccess"]
        if resource["resourceAppId"] == GRAPH
        for access in resource["resourceAccess"]
        if access["type"] == "Role"
    }
    held = {entry["appRoleId"] for entry in directory.indexed("assignments", "principalId", principal["id"])}
    for role in sorted(asked - held):
        directory.assign(graph["id"], principal["id"], role)


def granted_roles(directory: Directory, principal: Json) -> frozenset[str]:
    """Return the application permissions of Graph that a service principal holds in its tenant."""
    (graph,) = directory.indexed("service_principals", "appId", GRAPH)
    values = {role["id"]: str(role["value"]) for role in graph["appRoles"]}
    return frozenset(
        values[entry["appRoleId"]]
        for entry in directory.indexed("assignments", "principalId", principal["id"])
        if entry["resourceId"] == graph["id"] and entry["appRoleId"] in values
    )
