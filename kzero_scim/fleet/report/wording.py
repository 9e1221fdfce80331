"""Describes changes ("mapper `tag` added") and outcomes ("would change") in words. Must not know output formats.

Describes a change only by its resource's kind and its properties' paths, so that all commands use the same words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache, partial
from typing import Final

from kzero_scim.display import one_line
from kzero_scim.fleet.model import Command, Outcome, PropertyChange, ResourceChange
from kzero_scim.provider.audit_events import APPLICATION
from kzero_scim.provider.package import KZERO
from kzero_scim.resource.facts import Facts, Noun
from kzero_scim.resource.paths import parse_path

MOST_NAMED: Final = 3
"""How many names a sentence lists; it counts more than that."""


class Name(str):
    """A name from outside in a sentence. Formats show it as code, or in backticks."""

    __slots__ = ()


Sentence = tuple[str, ...]
"""Pieces of one line: words of this module and :class:`Name`. Nothing is escaped."""

_other: Final = partial(Facts, leaves_nothing=False, admin_events=())
_OTHERS: Final = {
    "Provider": _other(label="provider settings", step=0, drifts=False, audit_activities=()),
    "ApplicationFromTemplate": _other(
        label="application",
        step=3,
        drifts=True,
        audit_activities=APPLICATION,
        changes={"displayName": "application renamed"},
    ),
    "ServicePrincipal": _other(label="service principal", step=3, drifts=True, audit_activities=APPLICATION),
}
"""Facts of resources of other packages, by kind."""
_OPERATIONS: Final = {
    "create": "created",
    "delete": "deleted",
    "replace": "replaced",
    "import": "imported",
    "update": "changed",
}
_KINDS: Final = {"add": "added", "update": "changed", "delete": "removed", "replace": "changed"}
_ASSIGNED: Final = {"add": "assigned", "delete": "unassigned", "update": "changed", "replace": "changed"}
_TRIGGERS: Final = "triggers"
_OWN_NAME: Final = "tenant"
"""What this project's components call each of their resources."""


@cache
def _known() -> Mapping[str, Facts]:
    """Return the facts by kind of resource, in the order of the guide's steps."""
    found = {**_OTHERS, **{token.rpartition(":")[2]: facts for token, facts in KZERO.facts.items()}}
    return dict(sorted(found.items(), key=lambda item: item[1].step))


def facts_of(kind: str) -> Facts | None:
    """Return the facts of a kind of resource, None if it belongs to another program."""
    return _known().get(kind)


def rank_of(kind: str) -> int:
    """Return the position of a kind of resource in the guide's order; unknown kinds come last."""
    return [*_known(), kind].index(kind)


def member_lists() -> frozenset[str]:
    """Return the properties of all resources that list who has access."""
    return frozenset().union(*(facts.members for facts in _known().values()))


def steps_of(path: str) -> tuple[str, ...]:
    """Split a property path. A malformed path, for example in another program's document, is a single step."""
    try:
        return parse_path(path) or (path,)
    except ValueError:
        return (path,)


def word_of(command: Command, outcome: Outcome) -> str:
    """Return the word for an outcome: for example "would change" after a preview, "changed" after an up."""
    if outcome is Outcome.NOT_RUN:
        return "skipped"
    if outcome is Outcome.CHANGED and command is Command.PREVIEW:
        return "would change"
    if outcome is Outcome.UNCHANGED and command is Command.STATUS:
        return "healthy"
    return outcome.replace("-", " ")


def is_consequence(change: ResourceChange) -> bool:
    """Return whether a change only follows from others, for example a repeated test."""
    if not _follow_up(change) or not change.properties:
        return False
    return change.operation == "update" and all(steps_of(item.property)[0] == _TRIGGERS for item in change.properties)


def sentences_of(change: ResourceChange) -> list[Sentence]:
    """Return sentences about the change of one resource, most important first, without repeats."""
    label = _label(change)
    if change.operation != "update":
        # The changed properties are only the reason of a replacement; the sentence is about the whole resource.
        return [(*label, f" {_OPERATIONS.get(change.operation, 'changed')}")]
    if change.resource == "Provider":
        return [(*label, " changed")]
    if is_consequence(change):
        return [(_follow_up(change),)]
    by_place: dict[str, list[PropertyChange]] = defaultdict(list)
    for item in change.properties:
        if steps_of(item.property)[0] != _TRIGGERS or not _follow_up(change):
            by_place[steps_of(item.property)[0]].append(item)
    said: list[Sentence] = []
    for place, items in by_place.items():
        said += _of_property(change.resource, label, place, items)
    return list(dict.fromkeys(said)) or [(*label, " changed")]


def summary_of(change: ResourceChange) -> str:
    """Return one plain line about the change of one resource; names are in backticks."""
    return joined(sentences_of(change))


def joined(sentences: Iterable[Sentence], written: Callable[[str], str] | None = None) -> str:
    """Return sentences in one line.

    Args:
        sentences: The sentences.
        written: Formats a piece. By default, names are in backticks and safe for a terminal.
    """
    return ", ".join("".join(map(written or _plainly, sentence)) for sentence in sentences)


def _plainly(piece: str) -> str:
    return f"`{one_line(piece)}`" if isinstance(piece, Name) else piece


def _follow_up(change: ResourceChange) -> str:
    known = facts_of(change.resource)
    return known.follow_up if known else ""


def _label(change: ResourceChange) -> Sentence:
    if known := facts_of(change.resource):
        return (known.label,)
    kind = Name(change.resource or "resource")
    # A program of one's own may declare several of a kind.
    return (kind, " ", Name(change.name)) if change.name not in {"", _OWN_NAME} else (kind,)


def _of_property(kind: str, label: Sentence, place: str, items: Sequence[PropertyChange]) -> list[Sentence]:
    known = facts_of(kind)
    if known and place in known.named:
        return _named(known.named[place], items)
    if known and place in known.counted:
        return _counted(known.counted[place], place, items)
    if known and (words := known.changes.get(place)):
        return [(words if isinstance(words, str) else words(items[0].now),)]
    return [(*label, ": ", Name(place), f" {_verb(items)}")]


def _verb(items: Sequence[PropertyChange]) -> str:
    kinds = {item.kind for item in items}
    return _KINDS.get(kinds.pop(), "changed") if len(kinds) == 1 else "changed"


def _named(words: Noun, items: Sequence[PropertyChange]) -> list[Sentence]:
    by_name: dict[str, list[PropertyChange]] = defaultdict(list)
    for item in items:
        by_name["".join(steps_of(item.property)[1:2])].append(item)
    by_verb: dict[str, list[str]] = {"removed": [], "added": [], "changed": []}
    for name, own in by_name.items():
        # If only a property of an item is added or removed, the item is changed.
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


def _counted(words: Noun, place: str, items: Sequence[PropertyChange]) -> list[Sentence]:
    verbs = _ASSIGNED if place in {"users", "groups"} else _KINDS
    # Several changes may concern one item, for example properties of a custom attribute.
    places = {kind_: {steps_of(item.property)[:2] for item in items if item.kind == kind_} for kind_ in _KINDS}
    said: list[str] = []
    for number, verb in ((len(places[kind_]), verbs[kind_]) for kind_ in ("add", "delete", "update", "replace")):
        if number and not said:
            said.append(f"{number} {words[number != 1]} {verb}")
        elif number:
            said.append(f"{number} {verb}")
    return [(", ".join(said),)] if said else [(f"{words[1]} changed",)]
