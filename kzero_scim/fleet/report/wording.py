"""A change in the words of people: "mapper `tag` added", "3 users assigned, 1 unassigned". Knows no output format.

Derived from a resource's kind and the paths of its properties alone, so that preview, up and drift read alike.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from kzero_scim.display import one_line
from kzero_scim.fleet.model import PropertyChange, ResourceChange
from kzero_scim.resource.paths import parse_path

MOST_NAMED: Final = 3
"""Names of a kind that a sentence has; of more it has the number."""


class Name(str):
    """Somebody's word inside a sentence of ours: shown as code, in backticks where there is nothing better."""

    __slots__ = ()


Sentence = tuple[str, ...]
"""Pieces of one line, ours and :class:`Name`; nothing is escaped."""

_LABELS: Final = {
    "Provider": "provider settings",
    "ScimEndpoint": "SCIM endpoint",
    "MapperSet": "mappers",
    "ScimApiClient": "SCIM API client",
    "ScimAttributes": "SCIM attributes",
    "RemoteToken": "remote token",
    "ApplicationFromTemplate": "application",
    "ServicePrincipal": "service principal",
    "AppRoleAssignments": "assignments",
    "ProvisionedUsers": "what becomes of users at the end",
    "SynchronizationJob": "provisioning job",
    "SynchronizationCredentials": "credentials",
    "AttributeMappings": "attribute mappings",
    "ConnectionTest": "connection test",
    "ProvisioningStatus": "provisioning status",
    "OnDemandProvisioning": "test user's provisioning",
}
"""Resource kind to what people call it, in the order of the guide's steps."""
RANK: Final = {kind: rank for rank, kind in enumerate(_LABELS)}
"""Resource kind to its place in the guide's order."""
_OPERATIONS: Final = {
    "create": "created",
    "delete": "deleted",
    "replace": "replaced",
    "import": "taken over",
    "update": "changed",
}
_KINDS: Final = {"add": "added", "update": "changed", "delete": "removed", "replace": "changed"}
_PROPERTIES: Final = {
    ("ApplicationFromTemplate", "displayName"): "application renamed",
    ("AppRoleAssignments", "roleName"): "app role changed",
    ("AppRoleAssignments", "unassignMaxUsers"): "deletion guard changed",
    ("AppRoleAssignments", "unassignMaxShare"): "deletion guard changed",
    ("AttributeMappings", "provisionGroups"): "provisioning of groups changed",
    ("ProvisionedUsers", "onDestroy"): "what becomes of users at the end changed",
    ("ProvisioningStatus", "quarantine"): "quarantine ended",
    ("RemoteToken", "expiresAt"): "remote token renewed",
    ("SynchronizationCredentials", "deletionThreshold"): "deletion threshold changed",
    ("SynchronizationCredentials", "notificationEmail"): "notification e-mail changed",
    ("SynchronizationCredentials", "oauth2"): "OAuth 2.0 client changed",
    ("SynchronizationCredentials", "scope"): "scope changed",
    ("SynchronizationCredentials", "secretToken"): "secret token changed",
    ("SynchronizationCredentials", "tenantUrl"): "Tenant URL changed",
    ("SynchronizationCredentials", "missingKeys"): "missing credentials set",
}
"""Kind and top-level property to what people call its change, where the generic words would be poor."""
_ITEMS: Final = {
    ("MapperSet", "mappers"): ("mapper", "mappers"),
    ("AttributeMappings", "rows"): ("mapping", "mappings"),
    ("ScimAttributes", "attributes"): ("SCIM attribute", "SCIM attributes"),
}
"""Kind and property whose items have names: one, several."""
_COUNTED: Final = {
    ("AppRoleAssignments", "users"): ("user", "users"),
    ("AppRoleAssignments", "groups"): ("group", "groups"),
    ("AppRoleAssignments", "emptiedGroups"): ("emptied group", "emptied groups"),
    ("AppRoleAssignments", "unmanaged"): ("assignment made elsewhere", "assignments made elsewhere"),
    ("AttributeMappings", "customAttributes"): ("custom attribute", "custom attributes"),
    ("MapperSet", "unmanaged"): ("mapper made elsewhere", "mappers made elsewhere"),
}
"""Kind and list whose items are counted: one, several."""
_ASSIGNED: Final = {"add": "assigned", "delete": "unassigned", "update": "changed", "replace": "changed"}
_TRIGGERS: Final = "triggers"
_FOLLOWS: Final = {
    "ConnectionTest": "connection tested again",
    "OnDemandProvisioning": "test user provisioned again",
    "ProvisioningStatus": "restart of provisioning weighed",
    "RemoteToken": "remote token renewed",
}
"""What a changed trigger means: a consequence of another change, told only where nothing else is."""


def steps_of(path: str) -> tuple[str, ...]:
    """Split a property path; one that is none, as a document from elsewhere may have, is a single step."""
    try:
        return parse_path(path) or (path,)
    except ValueError:
        return (path,)


def is_consequence(change: ResourceChange) -> bool:
    """Whether a change only follows from others: a test is repeated, a restart is weighed."""
    if change.resource not in _FOLLOWS or not change.properties:
        return False
    return change.operation == "update" and all(steps_of(item.property)[0] == _TRIGGERS for item in change.properties)


def sentences_of(change: ResourceChange) -> list[Sentence]:
    """Say what a change of one resource does, the most important first, without repeats."""
    label = _label(change)
    if change.operation != "update":
        # What of it changes is the reason of a replacement; the words are about the whole.
        return [(*label, f" {_OPERATIONS.get(change.operation, 'changed')}")]
    if change.resource == "Provider":
        return [(*label, " changed")]
    if is_consequence(change):
        return [(_FOLLOWS[change.resource],)]
    by_place: dict[str, list[PropertyChange]] = defaultdict(list)
    for item in change.properties:
        if steps_of(item.property)[0] != _TRIGGERS or change.resource not in _FOLLOWS:
            by_place[steps_of(item.property)[0]].append(item)
    said: list[Sentence] = []
    for place, items in by_place.items():
        said += _of_property(change.resource, label, place, items)
    return list(dict.fromkeys(said)) or [(*label, " changed")]


def summary_of(change: ResourceChange) -> str:
    """Say what a change of one resource does, in one plain line; names are in backticks."""
    return joined(sentences_of(change))


def joined(sentences: Iterable[Sentence], written: Callable[[str], str] | None = None) -> str:
    """Make one line of sentences.

    Args:
        sentences: The sentences.
        written: How a piece is written; without it names are in backticks, and all is as a terminal may show it.
    """
    return ", ".join("".join(map(written or _plainly, sentence)) for sentence in sentences)


def _plainly(piece: str) -> str:
    return f"`{one_line(piece)}`" if isinstance(piece, Name) else piece


def _label(change: ResourceChange) -> Sentence:
    known = _LABELS.get(change.resource)
    return (known,) if known else (Name(change.resource or "resource"),)


def _of_property(kind: str, label: Sentence, place: str, items: Sequence[PropertyChange]) -> list[Sentence]:
    if (kind, place) in _ITEMS:
        return _named(_ITEMS[kind, place], items)
    if (kind, place) in _COUNTED:
        return _counted(kind, place, items)
    if (kind, place) == ("ProvisioningStatus", "enabled"):
        return [(f"provisioning turned {'on' if items[0].now is True else 'off'}",)]
    if (kind, place) == ("SynchronizationCredentials", "scope") and items[0].now == "all":
        return [("scope widened to all users",)]
    if (kind, place) in _PROPERTIES:
        return [(_PROPERTIES[kind, place],)]
    return [(*label, ": ", Name(place), f" {_verb(items)}")]


def _verb(items: Sequence[PropertyChange]) -> str:
    kinds = {item.kind for item in items}
    return _KINDS.get(kinds.pop(), "changed") if len(kinds) == 1 else "changed"


def _named(words: tuple[str, str], items: Sequence[PropertyChange]) -> list[Sentence]:
    by_name: dict[str, list[PropertyChange]] = defaultdict(list)
    for item in items:
        by_name["".join(steps_of(item.property)[1:2])].append(item)
    by_verb: dict[str, list[str]] = {"removed": [], "added": [], "changed": []}
    for name, own in by_name.items():
        # A property of an item that is added or removed leaves the item changed.
        whole = all(len(steps_of(item.property)) <= 2 for item in own)  # noqa: PLR2004 - the set and the name
        by_verb[_verb(own) if whole else "changed"].append(name)
    said: list[Sentence] = []
    for verb, names in by_verb.items():
        if len(names) > MOST_NAMED or (names and not all(names)):
            said.append((f"{len(names)} {words[len(names) != 1]} {verb}",))
        elif names:
            listed = [piece for name in names for piece in (", ", Name(name))][1:]
            said.append((f"{words[len(names) != 1]} ", *listed, f" {verb}"))
    return said


def _counted(kind: str, place: str, items: Sequence[PropertyChange]) -> list[Sentence]:
    words = _COUNTED[kind, place]
    verbs = _ASSIGNED if place in {"users", "groups"} else _KINDS
    # A custom attribute's own properties are several changes of one item.
    places = {kind_: {steps_of(item.property)[:2] for item in items if item.kind == kind_} for kind_ in _KINDS}
    said: list[str] = []
    for number, verb in ((len(places[kind_]), verbs[kind_]) for kind_ in ("add", "delete", "update", "replace")):
        if number and not said:
            said.append(f"{number} {words[number != 1]} {verb}")
        elif number:
            said.append(f"{number} {verb}")
    return [(", ".join(said),)] if said else [(f"{words[1]} changed",)]
