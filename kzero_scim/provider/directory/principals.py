"""Finds users and groups in Entra by name, many per request, and warns of problems with them.

Users: https://learn.microsoft.com/graph/api/user-list, groups: https://learn.microsoft.com/graph/api/group-list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import quote

from kzero_scim.clients.graph.batch import BatchAnswer, BatchRequest
from kzero_scim.clients.graph.client import GraphClient, odata_quote, segment
from kzero_scim.errors import ProviderError
from kzero_scim.mapping.source_attributes import provisioned_user_name
from kzero_scim.resource.formats import fold_id, fold_ids, is_guid
from kzero_scim.settings.name_file import is_user
from kzero_scim.settings.text_rules import is_kept, twin

FILTER_SIZE: Final = 15
"""Alternatives in one ``in`` filter (Graph's limit)."""

_USER_FIELDS: Final = "id,displayName,userPrincipalName,mail,accountEnabled,userType"
_MOST_NESTED: Final = 5

Kind = Literal["User", "Group"]


@dataclass(frozen=True)
class Principal:
    """A user or group.

    Attributes:
        id: Object ID.
        kind: As in an assignment's ``principalType``.
        display_name: Display name.
        warnings: Problems that the operator should know before Entra provisions the user or group, a sentence each.
    """

    id: str
    kind: Kind
    display_name: str
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Write the object ID in lower case, so that equal IDs are equal texts."""
        fold_ids(self, "id")


@dataclass
class Resolution:
    """The result of looking names up: the principals found by name, and a message for each name not found."""

    found: dict[str, Principal] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def require(self, purpose: str) -> dict[str, Principal]:
        """Return the principals by name.

        Args:
            purpose: What failed if a name was not found; the error starts with it.

        Raises:
            ProviderError: Some names were not found. The message lists all of them.
        """
        if self.problems:
            message = f"{purpose}: {'; '.join(self.problems)}"
            raise ProviderError(message)
        return self.found


def same_user(name: str) -> str:
    """Return the same text for all spellings of one user. Entra ignores the case of user principal names."""
    return name.casefold()


def same_group(name: str) -> str:
    """Return the same text for all spellings of one group. Groups with names that differ in case are different."""
    return str(fold_id(name))


async def resolve(graph: GraphClient, users: Sequence[str], groups: Sequence[str]) -> Resolution:
    """Look up users and groups, with about one request per 300 names.

    Args:
        graph: Microsoft Graph of the tenant.
        users: User principal names or object IDs.
        groups: Unique display names or object IDs.

    Raises:
        GraphError: Graph refused a request or is unreachable.
    """
    requests = [*_filters("users", "userPrincipalName", users), *_filters("groups", "displayName", groups)]
    if not requests:
        return Resolution()
    answers = await graph.batch(requests)
    documents: dict[str, list[dict[str, Any]]] = {"users": [], "groups": []}
    for request, answer in zip(requests, answers, strict=True):
        if not answer.ok:
            raise graph.error(request, answer)
        documents[request.path.split("?")[0].strip("/")] += _values(answer)
    resolution = Resolution()
    unknown = _match_users(resolution, users, documents["users"])
    _match_groups(resolution, groups, documents["groups"])
    if unknown:
        resolution.problems = [*await _unknown_users(graph, unknown), *resolution.problems]
    await _look_into_groups(graph, resolution)
    return resolution


async def name_all(graph: GraphClient, assignments: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Return readable names of assigned principals by object ID, for an import.

    A user gets the user principal name, a group the display name. A principal keeps the object ID if its name is not
    certain to be the same after it was written to a file and read back, or if another group has the same name or one
    that people take for it.
    """
    listed = list(assignments)
    users = [item["principalId"] for item in listed if item.get("principalType") == "User"]
    groups = {item["principalId"]: str(item.get("principalDisplayName") or "") for item in listed if _is_group(item)}
    resolution = Resolution()
    requests = [*_filters("users", "userPrincipalName", users), *_filters("groups", "displayName", [*groups.values()])]
    answers = await graph.batch(requests)
    names = {item["principalId"]: item["principalId"] for item in listed}
    found_groups: list[dict[str, Any]] = []
    for request, answer in zip(requests, answers, strict=True):
        if not answer.ok:
            raise graph.error(request, answer)
        if request.path.startswith("/groups"):
            found_groups += _values(answer)
        else:
            found = {fold_id(user["id"]): user["userPrincipalName"] for user in _values(answer)}
            names |= {key: name for key, name in found.items() if key in names and is_kept(name) and is_user(name)}
    _match_groups(resolution, [*groups.values()], found_groups)
    twins = Counter(twin(name) for name in _names_by_id(groups, found_groups).values())
    taken = {same_user(name) for name in names.values()}
    names |= {
        key: name
        for key, name in groups.items()
        if name in resolution.found
        and resolution.found[name].id == key
        and is_kept(name)
        and twins[twin(name)] == 1
        and same_user(name) not in taken
    }
    return names


def _names_by_id(groups: Mapping[str, str], documents: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Return the names of groups by object ID: of the assigned ones, and of those that Graph finds by their names."""
    found = {str(fold_id(str(document["id"]))): str(document.get("displayName") or "") for document in documents}
    return {**groups, **found}


async def users_by_id(graph: GraphClient, ids: Sequence[str], select: str) -> list[dict[str, Any]]:
    """Return users by object ID, with about one request per 300. Deleted users are missing.

    Args:
        graph: Microsoft Graph of the tenant.
        ids: Object IDs.
        select: Names of the properties, separated by commas.

    Raises:
        GraphError: Graph refused a request or is unreachable.
    """
    requests = _filters("users", "userPrincipalName", ids, select)
    wanted = {wanted_id.casefold() for wanted_id in ids}
    found: list[dict[str, Any]] = []
    for request, answer in zip(requests, await graph.batch(requests) if requests else [], strict=True):
        if not answer.ok:
            raise graph.error(request, answer)
        found += (user for user in _values(answer) if str(user.get("id")).casefold() in wanted)
    return found


def _is_group(item: dict[str, Any]) -> bool:
    return item.get("principalType") == "Group"


def _filters(collection: str, name_field: str, names: Sequence[str], select: str | None = None) -> list[BatchRequest]:
    ids = [name for name in names if is_guid(name)]
    others = [name for name in names if not is_guid(name)]
    select = select or (_USER_FIELDS if collection == "users" else "id,displayName")
    requests: list[BatchRequest] = []
    for what, values in ((name_field, others), ("id", ids)):
        for start in range(0, len(values), FILTER_SIZE):
            listed = ",".join(odata_quote(value) for value in values[start : start + FILTER_SIZE])
            query = f"$filter={quote(f'{what} in ({listed})', safe='')}&$select={select}&$top=999"
            requests.append(BatchRequest("GET", f"/{collection}?{query}"))
    return requests


def _values(answer: BatchAnswer) -> list[dict[str, Any]]:
    values = answer.body.get("value")
    return [value for value in values if isinstance(value, dict)] if isinstance(values, list) else []


def _match_users(resolution: Resolution, names: Sequence[str], documents: Iterable[dict[str, Any]]) -> list[str]:
    """Add the users that were found to the resolution, and return the names of the others."""
    by_name: dict[str, dict[str, Any]] = {}
    for document in documents:
        by_name[same_user(str(document.get("userPrincipalName") or ""))] = document
        by_name[same_user(str(document.get("id") or ""))] = document
    unknown: list[str] = []
    for name in names:
        document_or_none = by_name.get(same_user(name))
        if document_or_none is None:
            unknown.append(name)
        else:
            resolution.found[name] = _user(name, document_or_none)
    return unknown


def _user(name: str, document: dict[str, Any]) -> Principal:
    warnings: list[str] = []
    if document.get("accountEnabled") is False:
        warnings.append(f"user {name} is disabled in Entra and will be inactive in KZero")
    if not document.get("mail"):
        warnings.append(f"user {name} has no mail in Entra, so its email in KZero stays empty; set the user's mail")
    if document.get("userType") == "Guest":
        sent = provisioned_user_name(str(document.get("userPrincipalName") or ""))
        warnings.append(
            f"user {name} is a guest, so a mapping of userPrincipalName sends {sent}; to send the name with #EXT#, map "
            "originalUserPrincipalName"
        )
    return Principal(
        id=str(document["id"]),
        kind="User",
        display_name=str(document.get("displayName") or name),
        warnings=tuple(warnings),
    )


def _match_groups(resolution: Resolution, names: Sequence[str], documents: Sequence[dict[str, Any]]) -> None:
    for name in names:
        wanted = name.casefold()
        fits = {
            str(fold_id(str(document["id"]))): document
            for document in documents
            if wanted in {str(document.get("displayName") or "").casefold(), str(document.get("id")).casefold()}
        }
        exact = {key: document for key, document in fits.items() if document.get("displayName") == name}
        chosen = exact or fits
        if not chosen:
            resolution.problems.append(f'group "{name}" does not exist in Entra; use a display name or an object ID')
        elif len(chosen) > 1:
            ids = ", ".join(sorted(chosen))
            reason = (
                f'group "{name}" is ambiguous: {len(chosen)} groups have this display name; use an object ID: {ids}'
            )
            resolution.problems.append(reason)
        else:
            key, document = chosen.popitem()
            resolution.found[name] = Principal(key, "Group", str(document.get("displayName") or name))


async def _unknown_users(graph: GraphClient, names: Sequence[str]) -> list[str]:
    """Return a message for each user that does not exist, with the user principal name if an email address is given."""
    mails = [name for name in names if "@" in name]
    requests = [
        BatchRequest(
            "GET",
            f"/users?$filter={quote(f'mail eq {odata_quote(name)}', safe='')}&$select=userPrincipalName,mail&$top=2",
        )
        for name in mails
    ]
    hints: dict[str, str] = {}
    for name, answer in zip(mails, await graph.batch(requests) if requests else [], strict=True):
        users = [user for user in _values(answer) if same_user(str(user.get("mail"))) == same_user(name)]
        if answer.ok and users:
            hints[name] = str(users[0].get("userPrincipalName"))
    return [
        f'user "{name}" does not exist in Entra'
        + (
            f'; this is the email address of user "{hints[name]}", use that name'
            if name in hints
            else "; use a user principal name (guests: name_domain#EXT#@tenant) or an object ID"
        )
        for name in names
    ]


async def _look_into_groups(graph: GraphClient, resolution: Resolution) -> None:
    """Add a warning to each group that contains groups. Entra provisions direct members only."""
    groups = {name: principal for name, principal in resolution.found.items() if principal.kind == "Group"}
    if not groups:
        return
    # Graph accepts a type cast in a path only in an advanced query: with $count and this header.
    requests = [
        BatchRequest(
            "GET",
            f"/groups/{segment(principal.id)}/members/microsoft.graph.group"
            f"?$select=displayName&$count=true&$top={_MOST_NESTED}",
            headers={"ConsistencyLevel": "eventual"},
        )
        for principal in groups.values()
    ]
    for (name, principal), answer in zip(groups.items(), await graph.batch(requests), strict=True):
        if not answer.ok:
            warning = f'group "{name}" could not be checked for nested groups (Graph returned {answer.status})'
        elif nested := [str(value.get("displayName")) for value in _values(answer)]:
            listed = ", ".join(f'"{other}"' for other in nested)
            warning = (
                f'group "{name}" contains groups ({listed}), and Entra does not provision members of nested groups; '
                "assign those groups too"
            )
        else:
            continue
        resolution.found[name] = Principal(principal.id, principal.kind, principal.display_name, (warning,))
