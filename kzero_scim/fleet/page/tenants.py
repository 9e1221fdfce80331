"""Merges the last runs into one view per tenant. Plain data; must not know HTML.

A run seldom covers everything: a preview knows pending changes, a sweep drift, a status provisioning health, and each
may have selected only some tenants. So each fact comes from the newest run that has it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from kzero_scim.entra.cycle_history import PastCycle
from kzero_scim.fleet.model import Command, FleetRun, Outcome, ResourceChange, TenantResult
from kzero_scim.fleet.report.grouping import ailment_of, changes_by_hand, headline_of
from kzero_scim.fleet.report.wording import joined
from kzero_scim.guide.checklist import Item
from kzero_scim.tenant.drift import Difference
from kzero_scim.tenant.status import StatusReport


class State(StrEnum):
    """The states of a tenant, worst first. A tenant may have several."""

    FAILED = "failed"
    """Its last preview, up or refresh, its last drift, or its last status failed or timed out."""
    QUARANTINE = "quarantine"
    PAUSED = "paused"
    """Although the stack says ON."""
    ERRORS = "errors"
    """Users or groups in error."""
    UNHEALTHY = "unhealthy"
    """Unhealthy in another way, such as failed cycles."""
    UNKNOWN = "unknown"
    """Its last status does not show whether provisioning works."""
    DRIFTED = "drifted"
    PENDING = "pending"
    """The last preview found changes, and no later up applied them."""
    NOT_RUN = "not-run"
    """Its turn did not come in the last run that selected it. Shown as skipped."""
    UNCHANGED = "unchanged"
    """None of these, but no run read its status."""
    HEALTHY = "healthy"
    """None of these, and its last status was healthy, or off as the stack says."""


WORDS: Final = {
    State.FAILED: "Failed",
    State.QUARANTINE: "Quarantine",
    State.PAUSED: "Paused",
    State.ERRORS: "Users in error",
    State.UNHEALTHY: "Unhealthy",
    State.UNKNOWN: "Unknown",
    State.DRIFTED: "Drifted",
    State.PENDING: "Changes pending",
    State.NOT_RUN: "Skipped",
    State.UNCHANGED: "Unchanged",
    State.HEALTHY: "Healthy",
}
"""The words that the page shows."""
_BAD: Final = (Outcome.FAILED, Outcome.TIMED_OUT)
_ENGINE: Final = (Command.PREVIEW, Command.UP, Command.REFRESH)
_FAMILIES: Final = (_ENGINE, (Command.DRIFT,), (Command.STATUS,))
"""Groups of commands. A later success of any command in a group supersedes an earlier failure."""


@dataclass(frozen=True)
class Look:
    """One run's result for one tenant.

    Attributes:
        run: Index of the run.
        command: The run's command.
        ended: When the run ended.
        result: The tenant's result.
    """

    run: int
    command: Command
    ended: str
    result: TenantResult


@dataclass(frozen=True, kw_only=True)
class TenantView:
    """One tenant, merged from all runs.

    Attributes:
        name: The stack's name.
        tags: The tags in the newest run.
        states: The tenant's states, worst first; never empty.
        looks: The newest result of each command, newest first.
        pending: What the last preview would change.
        pending_look: The result that contains ``pending``; None if nothing is pending.
        drift: What the last drift or refresh found.
        drift_look: The result that contains ``drift``; None if no run checked for drift.
        applied_since: Whether an up ran after that.
        status: The document of the last status.
        status_look: The result that contains ``status``; None if no run read it.
        cycles: All provisioning cycles in the runs' statuses, oldest first, each once.
        checklist: The seven points as last checked.
        checklist_look: The result that contains ``checklist``; None if no run checked it.
        portals: Label to address.
    """

    name: str
    tags: list[str]
    states: list[State]
    looks: list[Look]
    pending: list[ResourceChange] = field(default_factory=list)
    pending_look: Look | None = None
    drift: list[Difference] = field(default_factory=list)
    drift_look: Look | None = None
    applied_since: bool = False
    status: StatusReport | None = None
    status_look: Look | None = None
    cycles: list[PastCycle] = field(default_factory=list)
    checklist: list[Item] = field(default_factory=list)
    checklist_look: Look | None = None
    portals: dict[str, str] = field(default_factory=dict)

    @property
    def failures(self) -> list[Look]:
        """The failures that no later run supersedes, newest first."""
        newest = (_newest(self.looks, family) for family in _FAMILIES)
        found = [look for look in newest if look is not None and look.result.outcome in _BAD]
        return sorted(found, key=lambda look: look.ended, reverse=True)

    @property
    def why(self) -> str:
        """The reason of its worst state in one line; "" if there is none to give."""
        worst = self.states[0]
        if worst is State.FAILED:
            first = self.failures[0]
            return first.result.error or f"{first.command} {first.result.outcome.replace('-', ' ')}"
        if worst is State.QUARANTINE:
            cause = self.status.quarantine if self.status else None
            return ": ".join(filter(None, (cause.reason, cause.error_message))) if cause else ""
        if worst is State.ERRORS:
            users = self.status.in_error if self.status else []
            reason = self.status.reason if self.status else ""
            return f"{len(users)} in error: {users[0].name}: {users[0].message}" if users else reason
        if worst in {State.UNHEALTHY, State.UNKNOWN} and self.status_look is not None:
            return ailment_of(self.status_look.result)
        if worst is State.DRIFTED:
            return _in_short(changes_by_hand(self.drift))
        if worst is State.PENDING:
            return _in_short(self.pending)
        if worst is State.NOT_RUN:
            return next(look.result.error for look in self.looks if look.result.outcome is Outcome.NOT_RUN)
        return ""


def merge(runs: Sequence[FleetRun]) -> list[TenantView]:
    """Merge runs per tenant.

    Args:
        runs: Runs in any order. For tenants in several runs of one command, the newest counts.

    Returns:
        One view per tenant, sorted by name.
    """
    looks: dict[str, list[Look]] = {}
    order = sorted(range(len(runs)), key=lambda place: runs[place].ended, reverse=True)
    for place in order:
        run = runs[place]
        for result in run.results:
            looks.setdefault(result.tenant, []).append(Look(place, run.command, run.ended, result))
    return [_view(name, looks[name]) for name in sorted(looks)]


def _view(name: str, all_looks: list[Look]) -> TenantView:
    """Return the view of one tenant.

    Args:
        name: The tenant's name.
        all_looks: Its results, newest first.
    """
    drift, status = _newest(all_looks, (Command.DRIFT, Command.REFRESH), good=True), _newest_status(all_looks)
    applied = _newest(all_looks, (Command.PREVIEW, Command.UP), good=True)
    upped = _newest(all_looks, (Command.UP,), good=True)
    pending = applied if applied and applied.command is Command.PREVIEW and applied.result.changes else None
    checked = next((look for look in all_looks if look.result.checklist), None)
    view = TenantView(
        name=name,
        tags=all_looks[0].result.tags,
        states=[State.HEALTHY if status else State.UNCHANGED],
        looks=list(_one_a_command(all_looks)),
        pending=pending.result.changes if pending else [],
        pending_look=pending,
        drift=drift.result.drift if drift else [],
        drift_look=drift,
        applied_since=bool(upped and drift and upped.ended > drift.ended),
        status=status.result.status if status else None,
        status_look=status,
        cycles=_cycles(look.result.status for look in all_looks),
        checklist=checked.result.checklist if checked else [],
        checklist_look=checked,
        portals=next((look.result.portals for look in all_looks if look.result.portals), {}),
    )
    states = list(_states(view))
    if states:
        view.states[:] = states
    return view


def _states(view: TenantView) -> Iterator[State]:
    if view.failures:
        yield State.FAILED
    word = view.status.status if view.status else ""
    if word in (State.QUARANTINE, State.PAUSED, State.ERRORS):
        yield State(word)
    elif view.status_look is not None and view.status_look.result.outcome is Outcome.UNHEALTHY:
        yield State.UNHEALTHY
    elif view.status_look is not None and view.status_look.result.outcome is Outcome.UNKNOWN:
        yield State.UNKNOWN
    if view.drift_look is not None and (view.drift or view.drift_look.result.outcome is Outcome.DRIFTED):
        yield State.DRIFTED
    if view.pending:
        yield State.PENDING
    newest = (next((look for look in view.looks if look.command in family), None) for family in _FAMILIES)
    if any(look is not None and look.result.outcome is Outcome.NOT_RUN for look in newest):
        yield State.NOT_RUN


def _newest(looks: Sequence[Look], commands: Sequence[Command], *, good: bool = False) -> Look | None:
    """Return the newest result of these commands that was not skipped; with ``good``, the newest that succeeded."""
    for look in looks:
        outcome = look.result.outcome
        if look.command in commands and outcome is not Outcome.NOT_RUN and not (good and outcome in _BAD):
            return look
    return None


def _newest_status(looks: Sequence[Look]) -> Look | None:
    with_status = [look for look in looks if look.result.status is not None]
    return _newest(with_status, tuple(Command), good=True) or _newest(looks, (Command.STATUS,), good=True)


def _one_a_command(looks: Sequence[Look]) -> Iterator[Look]:
    seen: set[Command] = set()
    for look in looks:
        if look.command not in seen:
            seen.add(look.command)
            yield look


def _cycles(statuses: Iterable[StatusReport | None]) -> list[PastCycle]:
    """Return all known cycles: the last, the last successful, the last with exports, and those in the log."""
    found: dict[str, PastCycle] = {}
    for status in filter(None, statuses):
        for cycle in (status.last_cycle, status.last_successful_cycle, status.last_successful_cycle_with_exports):
            if cycle is not None and cycle.ended:
                numbers = {name: cycle.counts.get(name, 0) for name in ("exported", "escrowed")}
                found.setdefault(cycle.ended, PastCycle(ended=cycle.ended, state=cycle.state, **numbers))
        found |= {cycle.ended: cycle for cycle in status.cycles}
    return [found[ended] for ended in sorted(found)]


def _in_short(changes: Sequence[ResourceChange]) -> str:
    return joined(headline_of(changes), str) if changes else ""
