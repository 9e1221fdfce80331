"""Groups tenants with the same issue, so that a thousand failures read as a few causes. Must not know HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kzero_scim.fleet.page.tenants import State, TenantView
from kzero_scim.fleet.report.grouping import changes_by_hand, group_changes, group_lines
from kzero_scim.fleet.report.wording import joined

_FEWEST: Final = 2
_BY_REASON: Final = (State.FAILED, State.QUARANTINE, State.NOT_RUN)


@dataclass(frozen=True)
class AlikeTenants:
    """Tenants with the same issue.

    Attributes:
        state: The state that they share.
        text: The issue in one line. Values that differ per tenant are written ``<tenant>`` and the like.
        tenants: Their names, at least two.
    """

    state: State
    text: str
    tenants: list[str]


def alike_tenants(views: Sequence[TenantView]) -> list[AlikeTenants]:
    """Group tenants by reason of failure or quarantine, drift, and pending changes. Worst first, then largest."""
    found = [
        AlikeTenants(state, alike.text, alike.tenants)
        for state in _BY_REASON
        # A tenant's line shows the reason of its worst state.
        for alike in group_lines((view.looks[0].result, view.why) for view in views if view.states[0] is state)
    ]
    drifted = [(look.result, changes_by_hand(view.drift)) for view in views if view.drift and (look := view.drift_look)]
    pending = [(view.pending_look.result, view.pending) for view in views if view.pending_look]
    for state, changes in ((State.DRIFTED, drifted), (State.PENDING, pending)):
        found += [AlikeTenants(state, joined(group.sentences, str), group.tenants) for group in group_changes(changes)]
    order = list(State)
    several = [group for group in found if len(group.tenants) >= _FEWEST and group.text]
    return sorted(several, key=lambda group: (order.index(group.state), -len(group.tenants)))
