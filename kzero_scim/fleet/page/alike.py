"""Which tenants have the same to be told: of a thousand that failed, a few causes. Knows nothing of HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from kzero_scim.fleet.model import Command, FleetRun, Outcome, TenantResult
from kzero_scim.fleet.page.tenants import State, TenantView
from kzero_scim.fleet.report.grouping import drift_groups_of, failures_of, groups_of
from kzero_scim.fleet.report.wording import joined

_FEWEST: Final = 2
_BY_REASON: Final = (State.FAILED, State.QUARANTINE, State.NOT_RUN)


@dataclass(frozen=True)
class AlikeTenants:
    """Tenants of which the same is to be told.

    Attributes:
        state: What is the matter with them.
        text: The same, in one line; what is each tenant's own is ``<tenant>`` and the like.
        tenants: Their names, at least two.
    """

    state: State
    text: str
    tenants: list[str]


def alike_tenants(views: Sequence[TenantView]) -> list[AlikeTenants]:
    """Group tenants by reason of failure or quarantine, by drift and by pending changes; the worst, largest first."""
    found = [group for state in _BY_REASON for group in _by_reason(views, state)]
    drifted = [
        replace(view.drift_look.result, outcome=Outcome.DRIFTED)
        for view in views
        if view.drift_look is not None and view.drift
    ]
    pending = [
        replace(view.pending_look.result, outcome=Outcome.CHANGED) for view in views if view.pending_look is not None
    ]
    for state, results, grouped in ((State.DRIFTED, drifted, drift_groups_of), (State.PENDING, pending, groups_of)):
        found += [
            AlikeTenants(state, joined(group.sentences, str), group.tenants) for group in grouped(_run_of(results))
        ]
    order = list(State)
    several = [group for group in found if len(group.tenants) >= _FEWEST and group.text]
    return sorted(several, key=lambda group: (order.index(group.state), -len(group.tenants)))


def _by_reason(views: Iterable[TenantView], state: State) -> Iterable[AlikeTenants]:
    # The worst state's reason is the one that the tenant's line has.
    results = [
        replace(view.looks[0].result, outcome=Outcome.FAILED, error=view.why)
        for view in views
        if view.states[0] is state
    ]
    return (AlikeTenants(state, group.text, group.tenants) for group in failures_of(_run_of(results), Outcome.FAILED))


def _run_of(results: list[TenantResult]) -> FleetRun:
    return FleetRun(command=Command.STATUS, project="", began="", ended="", results=results)
