"""The guard over one set of assignments: what a change of it takes away from whom, and whether that may be done."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from kzero_scim.display import listed
from kzero_scim.entra.synchronization_job import ACTIVE, jobs_path, parse_job
from kzero_scim.errors import GraphError, ProviderError
from kzero_scim.provider.directory.assignments import Assigned
from kzero_scim.provider.directory.name_lists import known
from kzero_scim.provider.entra.app_role_assignments.state import (
    AppRoleAssignmentsInputs,
    AppRoleAssignmentsState,
    Assignment,
    canonical,
    emptied,
)
from kzero_scim.provider.entra.app_role_assignments.unassignment import (
    LONGEST_NOTE,
    Held,
    Limits,
    confirmation,
    exceeds,
    find_loss,
    require_confirmation,
    whole_loss,
)
from kzero_scim.resource.model import Call

if TYPE_CHECKING:
    from kzero_scim.clients.graph.client import GraphClient


@dataclass(frozen=True)
class Move:
    """A change of a set.

    Attributes:
        old: The set as last applied, None before the first time.
        new: What is wanted.
        wanted: What is wanted, by name, looked up.
        existing: All assignments of the service principal now.
        sizes: How many members the wanted groups have now, by object id.
    """

    old: AppRoleAssignmentsState | None
    new: AppRoleAssignmentsInputs
    wanted: Mapping[str, Assignment]
    existing: Sequence[Assigned]
    sizes: Mapping[str, int]


async def guard(graph: GraphClient, call: Call, move: Move) -> None:
    """Refuse a change by which too many users lose access; say in a preview who does.

    Raises:
        ProviderError: Too many do, and that is not confirmed.
    """
    old = move.old
    names = {} if old is None else {item.principal_id: name for name, item in old.assignments.items()}
    principals = {item.principal_id for item in move.wanted.values()}
    # By principal: another role for the same user is no loss.
    leaving = surplus_of(move.existing, principals, move.new, old)
    going = {item.principal_id for item in leaving}
    staying = {
        item.principal_id: Held(item.principal_id, item.kind, item.display_name)
        for item in move.existing
        if item.is_person_or_group and item.principal_id not in going
    }
    staying |= {
        item.principal_id: Held(item.principal_id, item.principal_type, name) for name, item in move.wanted.items()
    }
    loss = await find_loss(
        graph,
        [Held(item.principal_id, item.kind, names.get(item.principal_id, item.display_name)) for item in leaving],
        list(staying.values()),
        move.sizes,
    )
    loss = replace(loss, emptied=emptied(old, move.wanted, move.sizes))
    require_confirmation(loss, _limits(move.new))
    if loss.count and call.preview:
        await call.log.warning(loss.described())


def refuse_replacement(old: AppRoleAssignmentsState, new: AppRoleAssignmentsInputs) -> None:
    """Refuse to give everything up for another service principal, unless few users have access or it is confirmed.

    Raises:
        ProviderError: It is refused.
    """
    why = f"the enterprise application is replaced, all assignments of {old.service_principal_id} go: "
    require_confirmation(whole_loss(_held(old), old.group_sizes), _limits(new), why)


async def refuse_removal(graph: GraphClient, old: AppRoleAssignmentsState) -> None:
    """Refuse to remove a whole set while a provisioning job runs, unless it is small or that is confirmed.

    Raises:
        ProviderError: It is refused.
    """
    loss, principal = whole_loss(_held(old), old.group_sizes), old.service_principal_id
    if not exceeds(loss, _limits(old)):
        return
    try:
        jobs = await graph.pages(jobs_path(principal))
    except GraphError as error:
        if error.is_missing:  # the service principal is gone
            return
        raise
    running = [str(job.get("id")) for job in jobs if parse_job(job).schedule_state == ACTIVE]
    if running:
        message = (
            f"the assignments of service principal {principal} would be removed while its provisioning job "
            f"{running[0]} runs: {loss.described()}; nothing was removed. Pause the job first "
            f"(kzero-scim:provisioning: false), or, {confirmation(loss)}"
        )
        raise ProviderError(message)


def surplus_of(
    existing: Sequence[Assigned],
    principals: Collection[str],
    new: AppRoleAssignmentsInputs,
    old: AppRoleAssignmentsState | None,
) -> list[Assigned]:
    """Give the assignments that are not wanted: of the set as it was, or of anybody if it is exclusive.

    Args:
        existing: All assignments of the service principal.
        principals: Who is wanted, whatever the role.
        new: What is wanted.
        old: What was wanted before.
    """
    ours = {(item.principal_id, old.app_role_id) for item in old.assignments.values()} if old is not None else set()
    return [
        item
        for item in existing
        if item.is_person_or_group and item.principal_id not in principals and (new.exclusive or item.key in ours)
    ]


def _held(old: AppRoleAssignmentsState) -> list[Held]:
    return [Held(item.principal_id, item.principal_type, name) for name, item in old.assignments.items()]


def _limits(new: AppRoleAssignmentsInputs) -> Limits:
    return Limits(new.unassign_max_users, new.unassign_max_share)


async def announce(call: Call, old: AppRoleAssignmentsState, new: AppRoleAssignmentsInputs) -> None:
    """Say by name who comes, and which groups go: the engine's display of a list shows places."""
    same = canonical(old)
    after = [*known(new.users), *known(new.groups)]
    known_after, known_before = {same(name) for name in after}, {same(name) for name in (*old.users, *old.groups)}
    adds = [name for name in after if same(name) not in known_before]
    removes = [name for name in (*old.users, *old.groups) if same(name) not in known_after]
    removes += [f"{name} (assigned elsewhere)" for name in old.unmanaged if new.exclusive is True]
    parts = [
        f"{word}: {listed(names, LONGEST_NOTE)}" for word, names in (("adds", adds), ("removes", removes)) if names
    ]
    if parts:
        await call.log.info("; ".join(parts))
