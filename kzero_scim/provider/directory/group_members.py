"""The direct members of groups that are users: who they are, and how many. Entra provisions no others.

https://learn.microsoft.com/graph/api/group-list-members
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Final

from kzero_scim.clients.graph.batch import BatchRequest
from kzero_scim.clients.graph.client import segment
from kzero_scim.errors import GraphError

if TYPE_CHECKING:
    from kzero_scim.clients.graph.client import GraphClient

_PAGE: Final = 999
"""Members a page, Graph's limit."""
_USER: Final = "#microsoft.graph.user"


async def user_members(graph: GraphClient, group_ids: Collection[str]) -> dict[str, dict[str, str]]:
    """Read who the direct members are, in pages of 999.

    Args:
        graph: The tenant.
        group_ids: Object ids of the groups.

    Returns:
        By group, the users' names by object id; a group that is gone has none. A name is the user principal name, or
        the object id where the permissions do not show it.

    Raises:
        GraphError: Graph refused or cannot be reached.
    """
    found = await asyncio.gather(*(_members(graph, group) for group in group_ids))
    return dict(zip(group_ids, found, strict=True))


async def group_sizes(graph: GraphClient, group_ids: Collection[str]) -> dict[str, int]:
    """Count the direct members that are users, one request for 20 groups.

    Returns:
        Counts by object id; a group that could not be counted is missing.

    Raises:
        GraphError: Graph refused the whole request or cannot be reached.
    """
    # Graph takes a cast in a path only as an advanced query: with $count and this header.
    requests = [
        BatchRequest(
            "GET",
            f"/groups/{segment(group)}/members/microsoft.graph.user?$select=id&$count=true&$top=1",
            headers={"ConsistencyLevel": "eventual"},
        )
        for group in group_ids
    ]
    if not requests:
        return {}
    answers = await graph.batch(requests)
    counts = {group: answer.body.get("@odata.count") for group, answer in zip(group_ids, answers, strict=True)}
    return {group: count for group, count in counts.items() if isinstance(count, int)}


async def _members(graph: GraphClient, group_id: str) -> dict[str, str]:
    query = {"$select": "id,userPrincipalName", "$top": str(_PAGE)}
    try:
        documents = await graph.pages(f"/groups/{segment(group_id)}/members", query)
    except GraphError as error:
        if error.is_missing:  # the group is gone
            return {}
        raise
    return {str(item["id"]): _name(item) for item in documents if item.get("@odata.type") == _USER and item.get("id")}


def _name(item: dict[str, Any]) -> str:
    return str(item.get("userPrincipalName") or item["id"])
