"""azuread:index/applicationFromTemplate:ApplicationFromTemplate, an enterprise application from the gallery.

Follows `internal/services/applications/application_from_template_resource.go` of terraform-provider-azuread.
"""

import re
from collections.abc import Mapping
from typing import ClassVar

from kzero_sandbox.azuread.documents import needed
from kzero_sandbox.azuread.errors import Refusal
from kzero_sandbox.azuread.graph import Graph
from kzero_sandbox.azuread.pauses import Pauses
from kzero_sandbox.azuread.properties import Property, Values
from kzero_sandbox.azuread.resources.resource import FIVE_MINUTES, TEN_MINUTES, settled


class ApplicationFromTemplate:
    """An application and its service principal, created from a template of the gallery."""

    token: ClassVar[str] = "azuread:index/applicationFromTemplate:ApplicationFromTemplate"
    schema_version: ClassVar[int] = 0
    timeouts: ClassVar[Mapping[str, int]] = {
        "create": TEN_MINUTES,
        "read": FIVE_MINUTES,
        "update": TEN_MINUTES,
        "delete": FIVE_MINUTES,
    }
    properties: ClassVar[tuple[Property, ...]] = (
        Property(name="displayName", required=True, filled=True),
        Property(name="templateId", required=True, force_new=True, uuid=True),
        Property(name="applicationId", computed=True),
        Property(name="applicationObjectId", computed=True),
        Property(name="servicePrincipalId", computed=True),
        Property(name="servicePrincipalObjectId", computed=True),
    )

    async def create(self, graph: Graph, pauses: Pauses, inputs: Values) -> str:
        """Instantiate the template and wait until Graph finds the application reliably."""
        template = inputs["templateId"]
        made = await graph.post(f"/applicationTemplates/{template}/instantiate", {"displayName": inputs["displayName"]})
        application, service_principal = needed(made, "application", "id"), needed(made, "servicePrincipal", "id")

        async def seen() -> bool:
            return await graph.find(f"/applications/{application}") is not None

        await settled(pauses, seen)
        return f"/applicationTemplates/{template}/instantiate/{application}/{service_principal}"

    async def read(self, graph: Graph, resource_id: str) -> Values | None:
        """Read the application; the service principal's id is known from the resource's id only."""
        template, application, service_principal = _ids(resource_id)
        found = await graph.find(f"/applications/{application}")
        if found is None:
            return None
        return {
            "displayName": found.get("displayName") or "",
            "templateId": template,
            "applicationId": f"/applications/{application}",
            "applicationObjectId": application,
            "servicePrincipalId": f"/servicePrincipals/{service_principal}",
            "servicePrincipalObjectId": service_principal,
        }

    async def update(self, graph: Graph, resource_id: str, state: Values, inputs: Values) -> None:
        """Rename the application."""
        _, application, _ = _ids(resource_id)
        if inputs["displayName"] != state.get("displayName"):
            body = {"@odata.type": "#microsoft.graph.application", "displayName": inputs["displayName"]}
            await graph.patch(f"/applications/{application}", body)

    async def delete(self, graph: Graph, pauses: Pauses, resource_id: str, state: Values) -> None:  # noqa: ARG002 - every resource has these parameters
        """Delete the application; Entra deletes the service principal with it."""
        _, application, _ = _ids(resource_id)
        await graph.delete(f"/applications/{application}")


def _ids(resource_id: str) -> tuple[str, str, str]:
    match = re.fullmatch(r"/applicationTemplates/([^/]+)/instantiate/([^/]+)/([^/]+)", resource_id)
    if match is None:
        message = (
            f'"{resource_id}" is not an id of an ApplicationFromTemplate; the format is '
            "/applicationTemplates/{template id}/instantiate/{application object id}/{service principal object id}"
        )
        raise Refusal(message)
    template, application, service_principal = match.groups()
    return template, application, service_principal
