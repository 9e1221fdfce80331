"""``kzero:entra:findOrphanedApplication``: the application that an interrupted run made and could not write down.

An application is made by one request that takes nothing but its name, so that nothing can mark it as ours at once. What
is looked for is therefore narrow: see :class:`FindOrphanedApplication`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from kzero_scim.clients.graph.client import GraphClient, odata_quote, segment
from kzero_scim.errors import GraphError, ProviderError
from kzero_scim.provider.services import Services
from kzero_scim.resource.model import Call, Function, prop

_REFUSED: Final = frozenset({401, 403})


@dataclass(frozen=True, kw_only=True)
class FindOrphanedApplicationArgs:
    """What the application would be like."""

    display_name: str = prop("Its display name, exactly.")
    template_id: str = prop("The application template that it was made from.")
    mark: str = prop("What the notes of a service principal say that is in the hands of this stack.")


@dataclass(frozen=True, kw_only=True)
class FindOrphanedApplicationResult:
    """What was found."""

    application_id: str | None = prop("Object id of the application, if there is one.", default=None)
    service_principal_id: str | None = prop("Object id of its service principal.", default=None)
    created: str | None = prop("When it was made, as Graph says it.", default=None)


class FindOrphanedApplication(Function[FindOrphanedApplicationArgs, FindOrphanedApplicationResult]):
    """An enterprise application that nobody uses and that this very account has made.

    It has the name and the template, it is owned by who signs in, its service principal bears no other stack's mark,
    has no synchronization job, and nobody is assigned to it. Anything else is somebody else's, and is not found.
    """

    token: ClassVar[str] = "kzero:entra:findOrphanedApplication"  # noqa: S105 - a token
    inputs = FindOrphanedApplicationArgs
    state = FindOrphanedApplicationResult

    def __init__(self, services: Services) -> None:
        """Keep the clients."""
        self._services = services

    async def invoke(self, call: Call, args: FindOrphanedApplicationArgs) -> FindOrphanedApplicationResult:  # noqa: ARG002
        """Look for it; one request where there is none of the name.

        Raises:
            GraphError: Graph does not answer. That it may not be asked is no error here: who may not look may not make
                or assign either, and that is said where it is done.
            ProviderError: There are several.
        """
        try:
            found = await _orphans(self._services.graph, args)
        except GraphError as error:
            if error.status in _REFUSED:
                return FindOrphanedApplicationResult()
            raise
        if len(found) > 1:
            listed = ", ".join(f"{orphan.application_id} of {orphan.created}" for orphan in found)
            message = (
                f'{len(found)} unused applications named "{args.display_name}" were left by interrupted runs '
                f"({listed}, by object id); delete all but one under App registrations in the Entra portal, and run "
                "this again: it takes the remaining one over"
            )
            raise ProviderError(message)
        return found[0] if found else FindOrphanedApplicationResult()


async def _orphans(graph: GraphClient, args: FindOrphanedApplicationArgs) -> list[FindOrphanedApplicationResult]:
    query = {
        "$filter": f"displayName eq {odata_quote(args.display_name)}",
        "$select": "id,appId,displayName,applicationTemplateId,createdDateTime",
    }
    named = await graph.pages("/applications", query)
    found = []
    for application in named:
        # Graph compares names without regard to case; what is imported must be the same to the letter.
        is_like_ours = (
            application.get("displayName") == args.display_name
            and application.get("applicationTemplateId") == args.template_id
        )
        if is_like_ours and (principal := await _unused_principal(graph, application, args.mark)):
            found.append(
                FindOrphanedApplicationResult(
                    application_id=str(application["id"]),
                    service_principal_id=principal,
                    created=str(application.get("createdDateTime") or "an unknown time"),
                )
            )
    return found


async def _unused_principal(graph: GraphClient, application: dict[str, Any], mark: str) -> str | None:
    """Give the service principal of an application of ours that nobody uses; None if it is another kind of one."""
    owners = await graph.pages(f"/applications/{segment(application['id'])}/owners", {"$select": "id"})
    if await graph.caller_id() not in {owner.get("id") for owner in owners}:
        return None
    query = {"$filter": f"appId eq {odata_quote(application['appId'])}", "$select": "id,notes"}
    principals = await graph.pages("/servicePrincipals", query)
    if len(principals) != 1 or principals[0].get("notes") not in (None, "", mark):
        return None
    principal = str(principals[0]["id"])
    path = f"/servicePrincipals/{segment(principal)}"
    is_used = await graph.pages(f"{path}/synchronization/jobs") or await graph.pages(f"{path}/appRoleAssignedTo")
    return None if is_used else principal
