"""Reads, creates and deletes app role assignments, many per request. Decides nothing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from kzero_scim.clients.graph.batch import BatchRequest
from kzero_scim.clients.graph.client import GraphClient, segment
from kzero_scim.errors import GraphError

PAGE: Final = 999
"""Assignments per page (Graph's limit)."""

_SETTLING: Final = 30.0
"""Seconds in which parts of Graph may not know a new user, group or service principal yet."""


@dataclass(frozen=True, slots=True)
class Assigned:
    """One app role assignment, as Graph shows it."""

    id: str
    principal_id: str
    kind: str
    role_id: str
    display_name: str

    @property
    def key(self) -> tuple[str, str]:
        """The values that identify an assignment of one service principal."""
        return self.principal_id, self.role_id

    @property
    def is_person_or_group(self) -> bool:
        """False for an assigned service principal, which this package ignores."""
        return self.kind in {"User", "Group"}

    @property
    def document(self) -> dict[str, Any]:
        """The assignment with Graph's property names."""
        return {
            "principalId": self.principal_id,
            "principalType": self.kind,
            "principalDisplayName": self.display_name,
        }


async def assigned_to(graph: GraphClient, service_principal_id: str) -> list[Assigned]:
    """Return all assignments of a service principal."""
    found: list[Assigned] = []
    async for documents in graph.each_page(_path(service_principal_id), {"$top": str(PAGE)}):
        found += map(_assigned, documents)
    return found


async def assign(
    graph: GraphClient, service_principal_id: str, role_id: str, principal_ids: Sequence[str]
) -> tuple[list[Assigned], list[str]]:
    """Assign an app role to users and groups.

    Returns:
        The assignments that exist now, and an error message for each that failed.
    """
    path = _path(service_principal_id)
    requests = {
        principal: BatchRequest(
            "POST",
            path,
            {"principalId": principal, "resourceId": service_principal_id, "appRoleId": role_id},
        )
        for principal in principal_ids
    }
    made: list[Assigned] = []
    failures: list[str] = []
    existed = False

    async def attempt() -> None:
        nonlocal existed
        early: GraphError | None = None
        pending = list(requests)
        answers = await graph.batch([requests[principal] for principal in pending])
        for principal, answer in zip(pending, answers, strict=True):
            request = requests[principal]
            if answer.ok:
                made.append(_assigned(answer.body))
            else:
                error = graph.error(request, answer)
                if _is_too_early(error):
                    early = GraphError(str(error), status=404, code=error.code)
                    continue
                if "already exists" in str(error):
                    existed = True
                else:
                    failures.append(f"{principal}: {error}")
            del requests[principal]
        if early is not None:
            raise early

    if requests:
        try:
            await graph.consistent(attempt, within=_SETTLING)
        except GraphError as error:
            failures.append(str(error))
    if existed:  # created by someone else meanwhile, or by a request whose answer was lost
        seen = {item.id for item in made}
        wanted = set(principal_ids)
        made += [
            item
            for item in await assigned_to(graph, service_principal_id)
            if item.id not in seen and item.role_id == role_id and item.principal_id in wanted
        ]
    return made, failures


async def unassign(graph: GraphClient, service_principal_id: str, assignment_ids: Sequence[str]) -> list[str]:
    """Delete assignments. An assignment that does not exist is not an error.

    Returns:
        An error message for each that failed.
    """
    path = _path(service_principal_id)
    requests = [BatchRequest("DELETE", f"{path}/{segment(key)}") for key in assignment_ids]
    if not requests:
        return []
    try:
        answers = await graph.batch(requests)
    except GraphError as error:
        return [str(error)]
    return [
        str(graph.error(request, answer))
        for request, answer in zip(requests, answers, strict=True)
        if not answer.ok and answer.status != 404  # noqa: PLR2004 - not found
    ]


def _is_too_early(error: GraphError) -> bool:
    if error.status == 400:  # noqa: PLR2004 - bad request
        return "Not a valid reference update" in str(error)
    return error.status in {404, 409}


def _path(service_principal_id: str) -> str:
    return f"/servicePrincipals/{segment(service_principal_id)}/appRoleAssignedTo"


def _assigned(document: dict[str, Any]) -> Assigned:
    return Assigned(
        id=str(document.get("id")),
        principal_id=str(document.get("principalId")),
        kind=sys.intern(str(document.get("principalType") or "")),
        role_id=sys.intern(str(document.get("appRoleId"))),
        display_name=str(document.get("principalDisplayName") or document.get("principalId")),
    )
