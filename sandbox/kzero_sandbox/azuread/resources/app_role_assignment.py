"""azuread:index/appRoleAssignment:AppRoleAssignment, the right of a user or group to use an application.

Follows `internal/services/approleassignments/app_role_assignment_resource.go` of terraform-provider-azuread.
"""

import re
from collections.abc import Mapping
from typing import ClassVar

from kzero_sandbox.azuread.documents import needed
from kzero_sandbox.azuread.errors import GraphRefusal, Refusal
from kzero_sandbox.azuread.graph import BAD_REQUEST, NOT_FOUND, Graph
from kzero_sandbox.azuread.pauses import Pauses
from kzero_sandbox.azuread.properties import Property, Values
from kzero_sandbox.azuread.resources.resource import FIVE_MINUTES


class AppRoleAssignment:
    """One app role of one principal; a change of any input replaces it."""

    token: ClassVar[str] = "azuread:index/appRoleAssignment:AppRoleAssignment"
    schema_version: ClassVar[int] = 1
    timeouts: ClassVar[Mapping[str, int]] = {"create": FIVE_MINUTES, "read": FIVE_MINUTES, "delete": FIVE_MINUTES}
    properties: ClassVar[tuple[Property, ...]] = (
        Property(name="appRoleId", required=True, force_new=True, uuid=True),
        Property(name="principalObjectId", required=True, force_new=True, uuid=True),
        Property(name="resourceObjectId", required=True, force_new=True, uuid=True),
        Property(name="principalDisplayName", computed=True),
        Property(name="principalType", computed=True),
        Property(name="resourceDisplayName", computed=True),
    )

    async def create(self, graph: Graph, pauses: Pauses, inputs: Values) -> str:  # noqa: ARG002 - every resource has these parameters
        """Assign the role, after checking that the service principal exists."""
        resource = inputs["resourceObjectId"]
        if await graph.find(f"/servicePrincipals/{resource}") is None:
            message = f'Service principal not found for resource (Object ID: "{resource}")'
            raise Refusal(message)
        body = {
            "@odata.type": "#microsoft.graph.appRoleAssignment",
            "appRoleId": inputs["appRoleId"],
            "principalId": inputs["principalObjectId"],
            "resourceId": resource,
        }
        made = await graph.post(f"/servicePrincipals/{resource}/appRoleAssignedTo", body, again=_not_replicated)
        return f"/servicePrincipals/{needed(made, 'resourceId')}/appRoleAssignedTo/{needed(made, 'id')}"

    async def read(self, graph: Graph, resource_id: str) -> Values | None:
        """Return the assignment, or None if it does not exist."""
        found = await graph.find(_path(resource_id))
        if found is None:
            return None
        return {
            "appRoleId": found.get("appRoleId") or "",
            "principalDisplayName": found.get("principalDisplayName") or "",
            "principalObjectId": found.get("principalId") or "",
            "principalType": found.get("principalType") or "",
            "resourceDisplayName": found.get("resourceDisplayName") or "",
            "resourceObjectId": found.get("resourceId") or "",
        }

    async def update(self, graph: Graph, resource_id: str, state: Values, inputs: Values) -> None:  # noqa: ARG002 - every resource has these parameters
        """Refuse: Graph cannot change an assignment."""
        message = f"{resource_id}: an app role assignment cannot be changed, only replaced"
        raise Refusal(message)

    async def delete(self, graph: Graph, pauses: Pauses, resource_id: str, state: Values) -> None:  # noqa: ARG002 - every resource has these parameters
        """Remove the assignment."""
        path = _path(resource_id)
        try:
            await graph.delete(path)
        except GraphRefusal as refusal:
            message = f"Deleting {path}: {refusal}"
            raise Refusal(message) from refusal


def _not_replicated(status: int, text: str) -> bool:
    """Return whether Entra has not yet replicated a new principal or service principal to all its servers."""
    return status == NOT_FOUND or (status == BAD_REQUEST and "Not a valid reference update" in text)


def _path(resource_id: str) -> str:
    if not re.fullmatch(r"/servicePrincipals/[^/]+/appRoleAssignedTo/[^/]+", resource_id):
        message = (
            f'"{resource_id}" is not an id of an AppRoleAssignment; the format is '
            "/servicePrincipals/{service principal object id}/appRoleAssignedTo/{assignment id}"
        )
        raise Refusal(message)
    return resource_id
