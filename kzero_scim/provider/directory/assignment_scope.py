"""Checks whether Entra provisions a user: the user is assigned, or is a direct member of an assigned group.

Entra does not read nested groups:
https://learn.microsoft.com/entra/identity/app-provisioning/how-provisioning-works#assignment-based-scoping
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from kzero_scim.clients.graph.client import GraphClient
from kzero_scim.resource.formats import is_guid

_GROUP: Final = "#microsoft.graph.group"


async def is_among(
    graph: GraphClient, user: Mapping[str, Any], users: Sequence[str], groups: Sequence[str]
) -> bool | None:
    """Return whether a user is one of the users, or a direct member of one of the groups.

    None if that is unknown, because Graph hides the names of some of the user's groups and the program names groups.

    Args:
        graph: Reads the user's groups, unless ``groups`` is empty.
        user: Graph's ``user`` with ``id`` and ``userPrincipalName``.
        users: User principal names or object IDs.
        groups: Display names or object IDs.
    """
    names = {str(user.get("id")).casefold(), str(user.get("userPrincipalName")).casefold()}
    if names & {name.casefold() for name in users}:
        return True
    wanted = {name.casefold() for name in groups}
    if not wanted:
        return False
    path = f"/users/{quote(str(user['id']), safe='')}/memberOf"
    found = await graph.pages(path, {"$select": "id,displayName"})
    if any(wanted & {str(group.get(name)).casefold() for name in ("id", "displayName")} for group in found):
        return True
    has_hidden = any(not item.get("displayName") for item in found if item.get("@odata.type", _GROUP) == _GROUP)
    return None if has_hidden and not all(map(is_guid, groups)) else False


async def is_assigned(graph: GraphClient, service_principal_id: str, user: Mapping[str, Any]) -> bool:
    """Return whether a user is assigned to a service principal now."""
    path = f"/servicePrincipals/{quote(service_principal_id, safe='')}/appRoleAssignedTo"
    principals = [str(item.get("principalId")) for item in await graph.pages(path, {"$top": "999"})]
    return await is_among(graph, user, principals, principals) is True
