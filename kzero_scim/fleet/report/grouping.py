"""Groups tenants with the same change, drift, failure or warning, so that a thousand tenants read as a few lines.

Two changes are the same if they do the same to the same properties of the same resources with the same values. Names
that differ per tenant (stack, realm, Entra tenant, domains of its users), IDs, fingerprints and times are ignored. In
messages, so are the details of one request: its ID, duration, port and number of attempts. Who is assigned or
unassigned is never ignored. Pure functions of a run's document.
"""

from __future__ import annotations

import functools
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property
from typing import Any, Final
from urllib.parse import quote

from kzero_scim.fleet.credentials.credentials import suffix_of
from kzero_scim.fleet.model import FleetRun, Outcome, PropertyChange, ResourceChange, TenantResult
from kzero_scim.fleet.report.wording import (
    Sentence,
    facts_of,
    is_consequence,
    joined,
    member_lists,
    rank_of,
    sentences_of,
    steps_of,
)
from kzero_scim.resource.facts import Cost, Facts
from kzero_scim.resource.formats import GUID, is_guid
from kzero_scim.tenant.drift import WHOLE, Difference

_FIRST_SET_UP: Final = 4
"""If a tenant creates at least this many resources and changes nothing else, it is "set up", without their names."""
MOST_SAID: Final = 4
"""How many sentences a headline has."""
_HASH: Final = r"\b[0-9a-f]{32,}\b"
_TIME: Final = r"\b\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?"
_SHORT_HASH: Final = r"\b(?=[0-9A-Fa-f]*\d)[0-9A-Fa-f]{16,}\b"
_MONTHS: Final = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
_CLOCK: Final = r"\d{1,2}:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?[AP]M)?(?: ?(?:Z|UTC|GMT|[+-]\d\d:?\d\d))?"
_MOMENT: Final = (
    rf"\b\d{{4}}-\d\d-\d\d(?:[T ]{_CLOCK})?|\b\d{{1,2}}/\d{{1,2}}/\d{{4}}(?:,? {_CLOCK})?"
    rf"|\b(?:[A-Z][a-z]{{2}}, )?\d{{1,2}} (?:{_MONTHS})[a-z]* \d{{4}}(?:,? {_CLOCK})?"
    r"|\b\d{1,2}:\d\d:\d\d(?:[.,]\d+)?\b(?: ?(?:Z|UTC|GMT)\b)?|\b1[5-9]\d{8}(?:\d{3})?(?:\.\d+)?\b"
)
_REQUEST: Final = (
    r"(?P<named>\b(?i:(?:[\w-]+[-_])?(?:request|correlation|trace|span|activity|transaction|session|diagnostics?|ray)"
    r"[-_ ]?id)[\"')]*\s*[:=]?\s*[\"'(]*)(?:[\w.+/=|~:-]*\d[\w.+/=|~:-]*|[\w+/=-]{12,})"
)
_DURATION: Final = (
    r"\b\d+(?:[.,]\d+)? ?(?:ns|us|µs|ms|s|secs?|seconds?|milliseconds?|mins?|minutes?|h|hrs?|hours?)\b"
    r"|\bPT(?=\d)(?:\d+H)?(?:\d+M)?(?:[\d.]+S)?\b"
)
_PORT: Final = (
    r"(?P<host>(?:\b\d{1,3}(?:\.\d{1,3}){3}|\blocalhost|\[[0-9A-Fa-f:.]+\]):|\b(?i:port|pid) )\d{1,7}\b"
    # A port that the system chose. Others are settings.
    r"|(?<=[A-Za-z0-9\]]):(?:3[2-9]|4\d|5\d|6[0-5])\d{3}\b"
)
_KEPT_BEFORE: Final = {"request": "named", "port": "host"}
"""The group of a pattern whose text stays before the placeholder."""
_TRIES: Final = r"\b\d+ (?:attempts?|retries|tries|times)\b"


class Risk(IntEnum):
    """The risk of a group's change, worst first."""

    DESTROYS = 0
    """A resource is deleted or replaced."""
    ACCESS = 1
    """Users lose access, all users get access, or provisioning stops."""
    ORDINARY = 2
    """Any other change."""


_COSTS: Final[dict[str, Risk]] = {
    "resources deleted": Risk.DESTROYS,
    "resources replaced": Risk.DESTROYS,
    Cost.ACCESS_LOST: Risk.ACCESS,
    Cost.ACCESS_FOR_EVERYBODY: Risk.ACCESS,
    Cost.PROVISIONING_OFF: Risk.ACCESS,
}
"""Possible costs of a change and their risk, worst first."""


@dataclass(frozen=True, kw_only=True)
class Group:
    """Tenants with the same changes.

    Attributes:
        headline: The changes in one plain line, names in backticks.
        sentences: The pieces of the headline, for formats that write names in another way.
        results: The tenants' results, sorted by name.
        changes: The changes. In a group of several tenants, values that differ per tenant are written ``<tenant>``,
            ``<id 1>``, ``<fingerprint 1>``, ``<time>``.
        risk: The risk of the changes.
    """

    headline: str
    sentences: list[Sentence]
    results: list[TenantResult]
    changes: list[ResourceChange]
    risk: Risk

    @property
    def tenants(self) -> list[str]:
        """The tenants' names."""
        return [result.tenant for result in self.results]


@dataclass(frozen=True, kw_only=True)
class Alike:
    """Tenants with the same error or warning.

    Attributes:
        text: The line. In a group of several tenants, values that differ per tenant are written as in :class:`Group`.
        results: The tenants' results, sorted by name.
    """

    text: str
    results: list[TenantResult]

    @property
    def tenants(self) -> list[str]:
        """The tenants' names."""
        return [result.tenant for result in self.results]


@dataclass(frozen=True)
class GroupedRun:
    """The results of a run, grouped for all reports.

    Groups of changes are sorted by risk, then by size; reasons by frequency. Each list is computed on first use.

    Attributes:
        run: The run.
    """

    run: FleetRun

    @cached_property
    def failed(self) -> list[Alike]:
        """The tenants that failed, by reason."""
        return self._by_reason(Outcome.FAILED)

    @cached_property
    def timed_out(self) -> list[Alike]:
        """The tenants that timed out, by reason."""
        return self._by_reason(Outcome.TIMED_OUT)

    @cached_property
    def not_run(self) -> list[Alike]:
        """The skipped tenants, by reason."""
        return self._by_reason(Outcome.NOT_RUN)

    @cached_property
    def unhealthy(self) -> list[Alike]:
        """The tenants whose provisioning is unhealthy, by reason."""
        return self._by_reason(Outcome.UNHEALTHY)

    @cached_property
    def unknown(self) -> list[Alike]:
        """The tenants whose provisioning health is unknown, by reason."""
        return self._by_reason(Outcome.UNKNOWN)

    @cached_property
    def drifted(self) -> list[Group]:
        """The tenants that drifted. ``was`` is the stack's value, ``now`` the present one."""
        return group_changes((item, changes_by_hand(item.drift) or item.changes) for item in self._of(Outcome.DRIFTED))

    @cached_property
    def changed(self) -> list[Group]:
        """The tenants that changed, or would."""
        return group_changes((item, item.changes or changes_by_hand(item.drift)) for item in self._of(Outcome.CHANGED))

    @cached_property
    def changed_and_drifted(self) -> list[Group]:
        """The changes that the next update would make in tenants that drifted."""
        return self._changes_of(Outcome.DRIFTED)

    @cached_property
    def changed_before_failure(self) -> list[Group]:
        """The changes that were applied before the tenants failed."""
        return self._changes_of(Outcome.FAILED, Outcome.TIMED_OUT)

    @cached_property
    def warnings(self) -> list[Alike]:
        """The tenants' warnings."""
        return group_lines((item, line) for item in self.run.results for line in dict.fromkeys(item.warnings))

    @cached_property
    def unchanged(self) -> list[str]:
        """The names of unchanged tenants."""
        return [item.tenant for item in self._of(Outcome.UNCHANGED)]

    def _of(self, *outcomes: Outcome) -> list[TenantResult]:
        return [item for item in self.run.results if item.outcome in outcomes]

    def _by_reason(self, outcome: Outcome) -> list[Alike]:
        return group_lines((item, reason_of(item)) for item in self._of(outcome))

    def _changes_of(self, *outcomes: Outcome) -> list[Group]:
        return group_changes((item, item.changes) for item in self._of(*outcomes) if item.changes)


def reason_of(result: TenantResult) -> str:
    """Return the reason of a tenant's outcome in one line: its error, its health problem, its drift or its changes."""
    if result.outcome in {Outcome.UNHEALTHY, Outcome.UNKNOWN}:
        return ailment_of(result)
    if result.outcome is Outcome.DRIFTED:
        return joined(headline_of(changes_by_hand(result.drift) or result.changes))
    if result.outcome is Outcome.CHANGED:
        return joined(headline_of(result.changes or changes_by_hand(result.drift)))
    return result.error


def ailment_of(result: TenantResult) -> str:
    """Return a tenant's health problem, from the document of `kzero-scim status`."""
    parts = []
    if (status := result.status) is not None:
        parts += [status.status] if status.status != str(result.outcome) else []
        if (cause := status.quarantine) is not None:
            parts += filter(None, (cause.reason, cause.error_code, cause.error_message, cause.what_to_do))
        if status.in_error:
            parts.append(f"{len(status.in_error)} users or groups in error")
        parts.append(status.reason)
    return ": ".join(dict.fromkeys(part for part in (*parts, result.error) if part))


def changes_by_hand(drift: Iterable[Difference]) -> list[ResourceChange]:
    """Return a tenant's drift as changes that someone made by hand, one per resource."""
    by_resource: dict[str, list[Difference]] = defaultdict(list)
    for difference in drift:
        by_resource[difference.resource].append(difference)
    return [
        ResourceChange(
            resource=resource,
            name="",
            operation="delete" if any(item.property == WHOLE for item in differences) else "update",
            properties=[
                PropertyChange(property=item.property, kind=_kind(item), was=item.was, now=item.now)
                for item in differences
                if item.property != WHOLE
            ],
        )
        for resource, differences in by_resource.items()
    ]


def _kind(difference: Difference) -> str:
    if difference.was is None:
        return "add"
    return "delete" if difference.now is None else "update"


def risk_of(changes: Sequence[ResourceChange]) -> Risk:
    """Return the worst risk of a tenant's changes."""
    return min((_risk(change) for change in changes), default=Risk.ORDINARY)


def costs_of(changes: Sequence[ResourceChange]) -> list[str]:
    """Return the possible costs of a tenant's changes, worst first: ``access lost``. Empty if all are ordinary."""
    found = {cost for change in changes for cost in _costs(change)}
    return [cost for cost in _COSTS if cost in found]


def _costs(change: ResourceChange) -> set[str]:
    known = facts_of(change.resource)
    if known and known.leaves_nothing:
        return set()
    if change.operation in {"delete", "replace"}:
        return {f"resources {change.operation}d"}
    return {cost for item in change.properties if (cost := _cost(known, item))}


def _cost(known: Facts | None, change: PropertyChange) -> str | None:
    place = steps_of(change.property)[0]
    if known is None:
        return None
    if place in known.members and change.kind == "delete":
        return Cost.ACCESS_LOST
    return known.cost(place, change.now)


def _risk(change: ResourceChange) -> Risk:
    return min((_COSTS[cost] for cost in _costs(change)), default=Risk.ORDINARY)


def headline_of(changes: Sequence[ResourceChange]) -> list[Sentence]:
    """Return sentences about a tenant's changes, riskiest first. Leaves out consequences if there is anything else."""
    if not changes:
        return [("stack outputs changed",)]
    everything = {change.operation for change in changes}
    if len(changes) >= _FIRST_SET_UP and everything <= {"create", "import"} and "create" in everything:
        return [(f"set up for the first time, {len(changes)} resources",)]
    if len(changes) >= _FIRST_SET_UP and everything == {"delete"}:
        return [(f"{len(changes)} resources deleted",)]
    telling = [change for change in changes if not is_consequence(change)] or changes
    said = list(dict.fromkeys(sentence for change in sorted(telling, key=_risk) for sentence in sentences_of(change)))
    more = len(said) - MOST_SAID
    return said if more <= 1 else [*said[:MOST_SAID], (f"{more} more changes",)]


def group_changes(items: Iterable[tuple[TenantResult, list[ResourceChange]]]) -> list[Group]:
    """Group tenants by their changes, riskiest first, then largest."""
    found: dict[str, list[tuple[TenantResult, list[ResourceChange]]]] = defaultdict(list)
    for result, changes in items:
        found[_key(result, changes)].append((result, changes))
    groups = [_group(members) for members in found.values()]
    return sorted(groups, key=lambda group: (group.risk, -len(group.results), group.headline, group.tenants))


def _group(members: list[tuple[TenantResult, list[ResourceChange]]]) -> Group:
    members = sorted(members, key=lambda member: member[0].tenant)
    result, changes = members[0]
    shown = _ordered(changes) if len(members) == 1 else _Canonical(result, marked=False).changes(changes)
    sentences = headline_of(shown)
    return Group(
        headline=joined(sentences),
        sentences=sentences,
        results=[result for result, _ in members],
        changes=shown,
        risk=risk_of(changes),
    )


def group_lines(lines: Iterable[tuple[TenantResult, str]]) -> list[Alike]:
    """Group tenants by a line of text, most frequent first."""
    found: dict[str, list[tuple[TenantResult, str]]] = defaultdict(list)
    for result, line in lines:
        found[_Canonical(result, marked=True, of_message=True).text(line)].append((result, line))
    groups = []
    for members in found.values():
        ordered = sorted(members, key=lambda member: member[0].tenant)
        result, line = ordered[0]
        is_same = all(other == line for _, other in ordered)
        text = line if is_same else _Canonical(result, marked=False, of_message=True).text(line)
        groups.append(Alike(text=text, results=[result for result, _ in ordered]))
    return sorted(groups, key=lambda alike: (-len(alike.results), alike.text, alike.tenants))


def _key(result: TenantResult, changes: list[ResourceChange]) -> str:
    canonical = _Canonical(result, marked=True).changes(changes)
    return json.dumps(
        [
            [change.resource, change.name, change.operation, [_property_key(item) for item in change.properties]]
            for change in canonical
        ]
    )


def _property_key(item: PropertyChange) -> list[Any]:
    # Positions in lists have no meaning: lists here are sets.
    return [re.sub(r"\[\d+\]", "[]", item.property), item.kind, item.was, item.now]


def _ordered(changes: Iterable[ResourceChange]) -> list[ResourceChange]:
    """Return changes in the guide's order. The engine's order differs from run to run."""
    return sorted(changes, key=lambda item: (rank_of(item.resource), item.resource, item.name, item.operation))


# A report needs each tenant's pattern several times, and `re` itself caches at most 512.
@functools.lru_cache(maxsize=2048)
def _pattern(own_names: frozenset[str], *, of_message: bool) -> re.Pattern[str]:
    """Return a pattern for values that differ per tenant, and for text that looks like a placeholder.

    Args:
        own_names: The tenant's own names, in every spelling.
        of_message: Whether the text is a message, so that details of one request are ignored too.
    """
    names = sorted(own_names, key=lambda name: (-len(name), name))
    own = "|".join(rf"(?<![^\W_]){re.escape(name)}(?![^\W_])" for name in names)
    parts = [f"(?P<own>{own})"] if own else ["(?P<own>(?!))"]
    if of_message:
        parts += [
            f"(?P<request>{_REQUEST})",
            f"(?P<id>{GUID})",
            f"(?P<time>{_MOMENT})",
            f"(?P<fingerprint>{_HASH}|{_SHORT_HASH})",
            f"(?P<duration>{_DURATION})",
            f"(?P<port>{_PORT})",
            f"(?P<tries>{_TRIES})",
        ]
    else:
        parts += [f"(?P<id>{GUID})", f"(?P<fingerprint>{_HASH})", f"(?P<time>{_TIME})"]
    parts.append("(?P<mark><)")
    return re.compile("|".join(parts))


class _Canonical:
    """Replaces values that differ per tenant with placeholders. An ID has the same number throughout a tenant.

    Args:
        result: The tenant's result.
        marked: Whether to mark text that only looks like a placeholder, for comparisons.
        of_message: As for :func:`_pattern`.
    """

    def __init__(self, result: TenantResult, *, marked: bool, of_message: bool = False) -> None:
        names = {result.tenant, suffix_of(result.tenant), *result.names}
        spelled = names | {quote(name, safe="", errors="replace") for name in names}
        self._names = [name for name in spelled if any(map(str.isalnum, name))]
        self._of_message = of_message
        self._numbers: dict[tuple[str, str], int] = {}
        self._marked = marked

    def text(self, text: str) -> str:
        # Tenants without their own names in a text share a pattern, because compiling one per tenant is slow.
        own = frozenset(name for name in self._names if name in text)
        return _pattern(own, of_message=self._of_message).sub(self._written, text)

    def changes(self, changes: Iterable[ResourceChange]) -> list[ResourceChange]:
        return [self._change(change) for change in _ordered(changes)]

    def _written(self, match: re.Match[str]) -> str:
        kind, found = str(match.lastgroup), match.group()
        if kind == "mark":
            return "<<" if self._marked else "<"
        if kind == "own":
            return "<tenant>"
        if kind in _KEPT_BEFORE:
            kept = match[_KEPT_BEFORE[kind]] or ("" if kind == "request" else ":")
            return f"{kept}<{kind}>"
        if kind in {"time", "duration", "tries"}:
            return f"<{kind}>"
        number = self._numbers.setdefault((kind, found.casefold()), 1 + sum(key == kind for key, _ in self._numbers))
        return f"<{kind} {number}>"

    def _change(self, change: ResourceChange) -> ResourceChange:
        # Sorted before, so that IDs are numbered in a stable order, and after, so that names do not affect the order.
        properties = sorted(map(self._property, sorted(change.properties, key=_place)), key=_place)
        return replace(change, name=self.text(change.name), properties=properties)

    def _property(self, item: PropertyChange) -> PropertyChange:
        ids = steps_of(item.property)[0] not in member_lists()
        was, now = self._value(item.was, ids=ids), self._value(item.now, ids=ids)
        if was == now and item.was != item.now:
            # The change replaces one of the tenant's names with another.
            was, now = item.was, item.now
        return replace(item, property=self.text(item.property), was=was, now=now)

    def _value(self, value: Any, *, ids: bool) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(value, str):
            return self.text(value) if ids or not is_guid(value) else value
        if isinstance(value, list):
            return [self._value(item, ids=ids) for item in value]
        if isinstance(value, dict):
            return {self.text(key): self._value(item, ids=ids) for key, item in value.items()}
        return value


def _place(item: PropertyChange) -> tuple[str, str, str]:
    """Return a sort key: properties by path, list members by value, because positions differ between tenants."""
    path = re.sub(r"\[\d+\]", "[]", item.property)
    return path, item.kind, json.dumps([item.was, item.now], sort_keys=True)
