"""Reads and counts the users that are direct members of groups. Entra provisions no other members.

https://learn.microsoft.com/graph/api/group-list-members
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Final, assert_never

from kzero_scim.clients.graph.batch import BatchAnswer, BatchRequest
from kzero_scim.clients.graph.client import segment
from kzero_scim.clients.graph.look_up import look_up_part
from kzero_scim.errors import GraphError
from kzero_scim.resource.formats import fold_id
from kzero_scim.resource.reading import Absent, Present, Unknown

if TYPE_CHECKING:
    from kzero_scim.clients.graph.client import GraphClient

_PAGE: Final = 999
"""Members per page (Graph's limit)."""
_USER: Final = "#microsoft.graph.user"
_HIDDEN: Final = "HiddenMembership"
_SEES_HIDDEN: Final = "Member.Read.Hidden"


async def user_members(graph: GraphClient, group_ids: Collection[str]) -> dict[str, dict[str, str]]:
    """Return the users that are direct members of groups.

    Args:
        graph: Microsoft Graph of the tenant.
        group_ids: Object IDs of the groups.

    Returns:
        By group, the users' names by object ID. A deleted group has no members. A name is the user principal name, or
        the object ID if the permissions do not show it.

    Raises:
        GraphError: Graph refused the request or is unreachable.
    """
    found = await asyncio.gather(*(_members(graph, group) for group in group_ids))
    return dict(zip(group_ids, found, strict=True))


async def group_sizes(graph: GraphClient, group_ids: Collection[str]) -> dict[str, int]:
    """Return how many users are direct members of each group, with one request for 10 groups.

    Returns:
        Counts by object ID. A group that could not be counted is missing.

    Raises:
        GraphError: Graph refused the whole request or is unreachable.
    """
    if not group_ids:
        return {}
    groups, may_see = list(group_ids), await _sees_hidden(graph)
    # Graph accepts a type cast in a path only in an advanced query: with $count and this header.
    requests = [
        BatchRequest(
            "GET",
            f"/groups/{segment(group)}/members/microsoft.graph.user?$select=id&$count=true&$top=1",
            headers={"ConsistencyLevel": "eventual"},
        )
        for group in groups
    ]
    answers = await graph.batch([*requests, *(() if may_see else map(_visibility, groups))])
    sizes: dict[str, int] = {}
    for index, group in enumerate(groups):
        count = answers[index].body.get("@odata.count")
        if isinstance(count, int) and (count or may_see or _shows_members(answers[len(groups) + index])):
            sizes[group] = count
    return sizes


async def _sees_hidden(graph: GraphClient) -> bool:
    """Return whether an empty list of members is certainly empty.

    Graph shows the members of a group with hidden membership only with a permission of its own, and otherwise none,
    without an error.
    """
    return _SEES_HIDDEN in (await graph.granted_permissions() or ())


def _visibility(group_id: str) -> BatchRequest:
    return BatchRequest("GET", f"/groups/{segment(group_id)}?$select=id,visibility")


def _shows_members(answer: BatchAnswer) -> bool:
    return answer.ok and answer.body.get("visibility") != _HIDDEN


async def _members(graph: GraphClient, group_id: str) -> dict[str, str]:
    query = {"$select": "id,userPrincipalName", "$top": str(_PAGE)}
    path = f"/groups/{segment(group_id)}"
    match await look_up_part(graph, path, lambda: graph.pages(f"{path}/members", query)):
        case Present(documents):
            if not documents and not await _sees_hidden(graph):
                [shown] = await graph.batch([_visibility(group_id)])
                if _shows_members(shown):
                    return {}
                message = (
                    f"cannot read the members of group {group_id}: its membership is hidden; grant the application "
                    f"permission {_SEES_HIDDEN}"
                )
                raise GraphError(message)
        case Absent():
            return {}
        case Unknown() as unknown:
            raise unknown.failure()
        case never:
            assert_never(never)
    return {
        fold_id(str(item["id"])): _name(item)
        for item in documents
        if item.get("@odata.type") == _USER and item.get("id")
    }


def _name(item: dict[str, Any]) -> str:
    return str(item.get("userPrincipalName") or item["id"])
