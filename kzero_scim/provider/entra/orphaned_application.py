"""``kzero:entra:findOrphanedApplication``: finds an application that an interrupted run created but did not record.

The request that creates an application accepts only a name, so it cannot mark the application as this stack's. That is
why the search is narrow: see :class:`FindOrphanedApplication`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from kzero_scim.clients.graph.client import GraphClient, odata_quote, segment
from kzero_scim.display import listed
from kzero_scim.errors import GraphError, ProviderError
from kzero_scim.provider.services import Services
from kzero_scim.resource.formats import same_id
from kzero_scim.resource.model import Call, Function, prop

_LONGEST_LIST: Final = 5
_REFUSED: Final = frozenset({401, 403})


@dataclass(frozen=True, kw_only=True)
class FindOrphanedApplicationArgs:
    """The application to find."""

    display_name: str = prop("Exact display name.")
    template_id: str = prop("ID of the application template that created it.")
    mark: str = prop("Notes of a service principal that this stack manages.")


@dataclass(frozen=True, kw_only=True)
class FindOrphanedApplicationResult:
    """The application that was found."""

    application_id: str | None = prop("Object ID of the application, if one was found.", default=None)
    service_principal_id: str | None = prop("Object ID of its service principal.", default=None)
    created: str | None = prop("Time of its creation, as Graph shows it.", default=None)


class FindOrphanedApplication(Function[FindOrphanedApplicationArgs, FindOrphanedApplicationResult]):
    """Finds an unused enterprise application that the signed-in account created.

    The application has the name and the template, and the signed-in account owns it. Its service principal has no
    synchronization job, no assignments and no other stack's mark. Others are not found, because someone may use them.
    """

    token: ClassVar[str] = "kzero:entra:findOrphanedApplication"  # noqa: S105 - a token
    inputs = FindOrphanedApplicationArgs
    state = FindOrphanedApplicationResult

    def __init__(self, services: Services) -> None:
        """Store the clients."""
        self._services = services

    async def invoke(self, call: Call, args: FindOrphanedApplicationArgs) -> FindOrphanedApplicationResult:
        """Return the application, with one request if no application has the name.

        In a preview, warns of other applications with the name.

        Raises:
            GraphError: Graph does not answer. A missing permission is not an error here, because later steps need it
                too and report it.
            ProviderError: Several applications match.
        """
        try:
            named = await _named(self._services.graph, args)
            found = await _orphans(self._services.graph, named, args)
        except GraphError as error:
            if error.status in _REFUSED:
                return FindOrphanedApplicationResult()
            raise
        if len(found) > 1:
            left = ", ".join(f"{orphan.application_id}, created {orphan.created}" for orphan in found)
            message = (
                f'interrupted runs have left {len(found)} unused applications named "{args.display_name}" (object IDs: '
                f"{left}). Delete all but one under App registrations in the Entra portal, then run `pulumi up` "
                "again; it adopts the remaining one"
            )
            raise ProviderError(message)
        if found:
            return found[0]
        if named and call.preview:
            await call.log.warning(_others(args, named))
        return FindOrphanedApplicationResult()


def _others(args: FindOrphanedApplicationArgs, named: Sequence[dict[str, Any]]) -> str:
    shown = listed([str(application.get("appId")) for application in named], _LONGEST_LIST)
    one = "an application" if len(named) == 1 else f"{len(named)} applications"
    return (
        f'Entra already has {one} named "{args.display_name}" (application ID {shown}). This stack would create '
        "another one, and `pulumi destroy` would remove only that one. To take over an existing application, run "
        "`kzero-scim adopt`. To create one with another name, set applicationName"
    )


async def _named(graph: GraphClient, args: FindOrphanedApplicationArgs) -> list[dict[str, Any]]:
    """Return the applications with the name, in any case."""
    query = {
        "$filter": f"displayName eq {odata_quote(args.display_name)}",
        "$select": "id,appId,displayName,applicationTemplateId,createdDateTime",
    }
    return await graph.pages("/applications", query)


async def _orphans(
    graph: GraphClient, named: Sequence[dict[str, Any]], args: FindOrphanedApplicationArgs
) -> list[FindOrphanedApplicationResult]:
    found = []
    for application in named:
        # Graph ignores the case of names, but an import needs the exact name.
        is_like_ours = application.get("displayName") == args.display_name and same_id(
            application.get("applicationTemplateId"), args.template_id
        )
        if is_like_ours and (principal := await _unused_principal(graph, application, args.mark)):
            found.append(
                FindOrphanedApplicationResult(
                    application_id=str(application["id"]),
                    service_principal_id=principal,
                    created=str(application.get("createdDateTime") or "at an unknown time"),
                )
            )
    return found


async def _unused_principal(graph: GraphClient, application: dict[str, Any], mark: str) -> str | None:
    """Return the service principal's ID if the signed-in account owns the application and it is unused, else None."""
    owners = await graph.pages(f"/applications/{segment(application['id'])}/owners", {"$select": "id"})
    caller = await graph.caller_id()
    if not any(same_id(owner.get("id"), caller) for owner in owners):
        return None
    query = {"$filter": f"appId eq {odata_quote(application['appId'])}", "$select": "id,appId,notes"}
    principals = [
        principal
        for principal in await graph.pages("/servicePrincipals", query)
        if same_id(principal.get("appId"), application["appId"])
    ]
    if len(principals) != 1 or principals[0].get("notes") not in (None, "", mark):
        return None
    principal = str(principals[0]["id"])
    path = f"/servicePrincipals/{segment(principal)}"
    is_used = await graph.pages(f"{path}/synchronization/jobs") or await graph.pages(f"{path}/appRoleAssignedTo")
    return None if is_used else principal
