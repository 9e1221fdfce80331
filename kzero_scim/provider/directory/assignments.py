"""Reads, creates and deletes app role assignments, many per request. Decides nothing."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from kzero_scim.clients.graph.batch import BatchRequest, Progress
from kzero_scim.clients.graph.client import GraphClient, segment
from kzero_scim.errors import GraphError
from kzero_scim.resource.formats import fold_ids, same_id

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

    def __post_init__(self) -> None:
        """Write the IDs in lower case, so that equal IDs are equal texts."""
        fold_ids(self, "principal_id", "role_id")

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
    graph: GraphClient,
    service_principal_id: str,
    role_id: str,
    principal_ids: Sequence[str],
    progress: Progress | None = None,
) -> tuple[list[Assigned], list[str]]:
    """Assign an app role to users and groups.

    Args:
        graph: Microsoft Graph of the tenant.
        service_principal_id: Object ID of the service principal.
        role_id: ID of its app role.
        principal_ids: Object IDs of the users and groups.
        progress: Called with the number of new assignments, and with the seconds before the next ones.

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
        answers = await graph.batch([requests[principal] for principal in pending], progress)
        for principal, answer in zip(pending, answers, strict=True):
            request = requests[principal]
            if answer.ok:
                made.append(_assigned(answer.body))
            else:
                error = graph.error(request, answer)
                if answer.failure is None and _is_too_early(error):
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
            failures += [f"{principal}: {error}" for principal in requests]
    if existed:  # created by someone else meanwhile, or by a request whose answer was lost
        seen = {item.id for item in made}
        wanted = {principal.casefold() for principal in principal_ids}
        made += [
            item
            for item in await assigned_to(graph, service_principal_id)
            if item.id not in seen and same_id(item.role_id, role_id) and item.principal_id.casefold() in wanted
        ]
    return made, failures


async def unassign(
    graph: GraphClient, service_principal_id: str, assignment_ids: Sequence[str], progress: Progress | None = None
) -> dict[str, str]:
    """Delete assignments. An assignment that does not exist is not an error.

    Graph answers in several ways for an assignment that does not exist. So after a refusal, the assignments are read
    once, and those that are not among them are gone.

    Args:
        graph: Microsoft Graph of the tenant.
        service_principal_id: Object ID of the service principal.
        assignment_ids: IDs of the assignments.
        progress: Called with the number of deleted assignments, and with the seconds before the next ones.

    Returns:
        An error message by assignment ID for each that failed.
    """
    failures = await _delete(graph, service_principal_id, assignment_ids, progress)
    if not failures:
        return {}
    try:
        left = {item.id for item in await assigned_to(graph, service_principal_id)}
    except GraphError as error:
        left = set() if error.is_missing else {key for key, failure in failures.items() if not _is_gone(failure)}
    failures = {key: failure for key, failure in failures.items() if key in left}
    # Graph's replicas may still list what another one has deleted.
    contradictory = [key for key, failure in failures.items() if _is_gone(failure)]
    again = await _delete(graph, service_principal_id, contradictory)
    for key in contradictory:
        if key not in again or _is_gone(again[key]):
            del failures[key]
    return {key: str(failure) for key, failure in failures.items()}


async def _delete(
    graph: GraphClient, service_principal_id: str, assignment_ids: Sequence[str], progress: Progress | None = None
) -> dict[str, GraphError]:
    """Delete assignments, and return the error of each that failed."""
    path = _path(service_principal_id)
    requests = [BatchRequest("DELETE", f"{path}/{segment(key)}") for key in assignment_ids]
    if not requests:
        return {}
    try:
        answers = await graph.batch(requests, progress)
    except GraphError as error:
        return dict.fromkeys(assignment_ids, error)
    return {
        key: graph.error(request, answer)
        for key, request, answer in zip(assignment_ids, requests, answers, strict=True)
        if not answer.ok
    }


def _is_gone(error: GraphError) -> bool:
    """Return whether Graph says in any form that an assignment does not exist."""
    text = str(error).casefold()
    return error.is_missing or (error.status == 400 and "entitlementgrant" in text and "not found" in text)  # noqa: PLR2004


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
