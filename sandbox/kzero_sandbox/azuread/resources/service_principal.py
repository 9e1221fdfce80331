"""azuread:index/servicePrincipal:ServicePrincipal, the representation of an application in a tenant.

Follows `internal/services/serviceprincipals/service_principal_resource.go` of terraform-provider-azuread.
"""

import re
import uuid
from collections.abc import Iterable, Mapping
from typing import ClassVar

from kzero_sandbox.azuread import documents
from kzero_sandbox.azuread.errors import GraphRefusal, Refusal
from kzero_sandbox.azuread.graph import BAD_REQUEST, FORBIDDEN, Document, Graph
from kzero_sandbox.azuread.pauses import Pauses
from kzero_sandbox.azuread.properties import Property, Values, difference
from kzero_sandbox.azuread.resources.resource import FIVE_MINUTES, TEN_MINUTES, settled

ODATA_TYPE = {"@odata.type": "#microsoft.graph.servicePrincipal"}

OWNERS_AT_ONCE = 19
"""How many owners besides the caller a service principal can have at its creation."""

TAGS = (
    # A feature's name, its name in the deprecated block, and the tag.
    ("customSingleSignOn", "customSingleSignOnApp", documents.CUSTOM_SINGLE_SIGN_ON),
    ("enterprise", "enterpriseApplication", documents.ENTERPRISE),
    ("gallery", "galleryApplication", documents.GALLERY),
)

APP_ROLE = (
    Property(name="allowedMemberTypes", kind="strings", computed=True),
    Property(name="description", computed=True),
    Property(name="displayName", computed=True),
    Property(name="enabled", kind="boolean", computed=True),
    Property(name="id", computed=True),
    Property(name="value", computed=True),
)


class ServicePrincipal:
    """A service principal; with `useExisting`, an existing one."""

    token: ClassVar[str] = "azuread:index/servicePrincipal:ServicePrincipal"
    schema_version: ClassVar[int] = 1
    timeouts: ClassVar[Mapping[str, int]] = {
        "create": TEN_MINUTES,
        "read": FIVE_MINUTES,
        "update": TEN_MINUTES,
        "delete": FIVE_MINUTES,
    }
    properties: ClassVar[tuple[Property, ...]] = (
        Property(name="clientId", required=True, force_new=True, uuid=True),
        Property(name="accountEnabled", kind="boolean", optional=True, default=True),
        Property(name="alternativeNames", kind="strings", optional=True),
        Property(name="appRoleAssignmentRequired", kind="boolean", optional=True),
        Property(name="description", optional=True),
        Property(
            name="featureTags",
            kind="objects",
            optional=True,
            computed=True,
            conflicts=("features", "tags"),
            parts=tuple(
                Property(name=name, kind="boolean", optional=True)
                for name in ("customSingleSignOn", "enterprise", "gallery", "hide")
            ),
        ),
        Property(
            name="features",
            kind="objects",
            optional=True,
            computed=True,
            conflicts=("featureTags", "tags"),
            parts=(
                Property(name="customSingleSignOnApp", kind="boolean", optional=True),
                Property(name="enterpriseApplication", kind="boolean", optional=True),
                Property(name="galleryApplication", kind="boolean", optional=True),
                Property(name="visibleToUsers", kind="boolean", optional=True, default=True),
            ),
        ),
        Property(name="loginUrl", optional=True),
        Property(name="notes", optional=True),
        Property(name="notificationEmailAddresses", kind="strings", optional=True),
        Property(name="owners", kind="strings", optional=True, uuid=True),
        Property(name="preferredSingleSignOnMode", optional=True),
        Property(
            name="samlSingleSignOn",
            kind="object",
            optional=True,
            parts=(Property(name="relayState", optional=True, filled=True),),
        ),
        Property(name="tags", kind="strings", optional=True, computed=True, conflicts=("features", "featureTags")),
        Property(name="useExisting", kind="boolean", optional=True),
        Property(name="appRoleIds", kind="map", computed=True),
        Property(name="appRoles", kind="objects", computed=True, parts=APP_ROLE),
        Property(name="applicationTenantId", computed=True),
        Property(name="displayName", computed=True),
        Property(name="homepageUrl", computed=True),
        Property(name="logoutUrl", computed=True),
        Property(name="oauth2PermissionScopeIds", kind="map", computed=True),
        Property(name="oauth2PermissionScopes", kind="objects", computed=True),
        Property(name="objectId", computed=True),
        Property(name="redirectUris", kind="strings", computed=True),
        Property(name="samlMetadataUrl", computed=True),
        Property(name="servicePrincipalNames", kind="strings", computed=True),
        Property(name="signInAudience", computed=True),
        Property(name="type", computed=True),
    )

    async def create(self, graph: Graph, pauses: Pauses, inputs: Values) -> str:  # noqa: ARG002 - every resource has these parameters
        """Adopt the existing service principal, or create one and remove the caller from its owners."""
        client_id = inputs["clientId"]
        existing = await graph.search("/servicePrincipals", equals={"appId": client_id})
        if existing:
            object_id = documents.needed(existing[0], "id")
            resource_id = f"/servicePrincipals/{object_id}"
            if not inputs.get("useExisting"):
                message = (
                    f'A resource with the ID "{object_id}" already exists: the service principal of the '
                    f"application {client_id}; set useExisting, or import it by {resource_id}"
                )
                raise Refusal(message)
            await self.update(graph, resource_id, {}, inputs)
            return resource_id
        return await self._create(graph, inputs)

    async def read(self, graph: Graph, resource_id: str) -> Values | None:
        """Return the service principal with its owners, or None if it does not exist."""
        path = _path(resource_id)
        found = await graph.find(path)
        if found is None:
            return None
        beta = await graph.get(path, version="beta", select="samlMetadataUrl")
        relay_states = documents.relay_states(found)
        return documents.service_principal(found, beta) | {
            "samlSingleSignOn": relay_states[0] if relay_states else None,
            "owners": documents.ids(await graph.search(f"{path}/owners")),
        }

    async def update(self, graph: Graph, resource_id: str, state: Values, inputs: Values) -> None:
        """Write every writable property, including those that the program does not mention."""
        path = _path(resource_id)
        await graph.patch(path, _body(inputs, _tags(self.properties, state, inputs)))
        wanted = inputs.get("owners") or []
        if set(wanted) != set(state.get("owners") or []):
            present = documents.ids(await graph.search(f"{path}/owners"))
            for owner in [each for each in wanted if each not in present]:
                await graph.post(f"{path}/owners/$ref", {"@odata.id": _directory_object(graph, owner)})
            for owner in [each for each in present if each not in wanted]:
                await graph.delete(f"{path}/owners/{owner}/$ref")

    async def delete(self, graph: Graph, pauses: Pauses, resource_id: str, state: Values) -> None:
        """Delete the service principal, even if it existed before.

        With `useExisting`, the official plugin ignores Graph's answer and does not wait.
        """
        path = _path(resource_id)
        try:
            await graph.delete(path)
        except GraphRefusal:
            if not state.get("useExisting"):
                raise
        if state.get("useExisting"):
            return

        async def gone() -> bool:
            return await graph.find(path) is None

        await settled(pauses, gone)

    async def _create(self, graph: Graph, inputs: Values) -> str:
        owners = [each for each in inputs.get("owners") or [] if each != graph.object_id]
        first = [graph.object_id, *owners[:OWNERS_AT_ONCE]]
        body = _body(inputs, _tags(self.properties, {}, inputs)) | {
            "appId": inputs["clientId"],
            # Replaced below: if Graph accepts the change, all its servers know the service principal.
            "description": f"TERRAFORM_UPDATE_{uuid.uuid4()}",
            "owners@odata.bind": [_directory_object(graph, each) for each in first],
        }
        made = await graph.post("/servicePrincipals", body, again=_application_unknown)
        path = f"/servicePrincipals/{documents.needed(made, 'id')}"
        await graph.patch(path, ODATA_TYPE | {"description": inputs.get("description") or None})
        for owner in owners[OWNERS_AT_ONCE:]:
            await graph.post(f"{path}/owners/$ref", {"@odata.id": _directory_object(graph, owner)})
        if graph.object_id not in (inputs.get("owners") or []):
            await graph.delete(f"{path}/owners/{graph.object_id}/$ref")
        return path


def _body(inputs: Values, tags: list[str]) -> Document:
    saml = inputs.get("samlSingleSignOn") or {}
    return ODATA_TYPE | {
        "accountEnabled": bool(inputs.get("accountEnabled", True)),
        "alternativeNames": inputs.get("alternativeNames") or [],
        "appRoleAssignmentRequired": bool(inputs.get("appRoleAssignmentRequired")),
        "description": inputs.get("description") or None,
        "loginUrl": inputs.get("loginUrl") or None,
        "notes": inputs.get("notes") or None,
        "notificationEmailAddresses": inputs.get("notificationEmailAddresses") or [],
        "preferredSingleSignOnMode": inputs.get("preferredSingleSignOnMode") or None,
        "samlSingleSignOnSettings": {"relayState": saml["relayState"]} if saml.get("relayState") else {},
        "tags": tags,
    }


def _tags(properties: Iterable[Property], state: Values, inputs: Values) -> list[str]:
    """Return the tags to write: those of a changed block of features, else the given tags, else the current ones.

    As with the official plugin, an adopted service principal loses its tags if the program sets none.
    """
    changed = difference(properties, state, inputs).names
    for name in ("featureTags", "features"):
        blocks = inputs.get(name)
        if name in changed and blocks:
            return _expanded(blocks[0])
    tags = inputs.get("tags")
    return list(state.get("tags") or [] if tags is None else tags)


def _expanded(block: Values) -> list[str]:
    tags = [tag for name, deprecated, tag in TAGS if block.get(name) or block.get(deprecated)]
    hidden = block.get("hide") or block.get("visibleToUsers") is False
    return [*tags, documents.HIDE] if hidden else tags


def _directory_object(graph: Graph, object_id: str) -> str:
    return f"{graph.base}/v1.0/directoryObjects/{object_id}"


def _application_unknown(status: int, text: str) -> bool:
    """Return whether Entra has not yet replicated a new application to all its servers."""
    unknown = "does not reference a valid application object" in text
    elsewhere = "the backing application of the service principal being created must in the local tenant" in text
    return (status == BAD_REQUEST and unknown) or (status == FORBIDDEN and elsewhere)


def _path(resource_id: str) -> str:
    if not re.fullmatch(r"/servicePrincipals/[^/]+", resource_id):
        message = f'"{resource_id}" is not an id of a ServicePrincipal; the format is /servicePrincipals/{{object id}}'
        raise Refusal(message)
    return resource_id
