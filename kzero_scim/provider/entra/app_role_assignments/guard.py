"""The guard for a set of assignments: finds who loses access by a change, and refuses a loss that is too large."""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, assert_never

from kzero_scim.clients.graph.look_up import look_up_part, principal_path
from kzero_scim.display import listed
from kzero_scim.entra.synchronization_job import ACTIVE, jobs_path, parse_job
from kzero_scim.errors import ProviderError
from kzero_scim.provider.directory.assignments import Assigned
from kzero_scim.provider.directory.group_members import group_sizes
from kzero_scim.provider.directory.name_lists import known
from kzero_scim.provider.directory.principals import Kind
from kzero_scim.provider.entra.app_role_assignments.state import (
    AppRoleAssignmentsInputs,
    AppRoleAssignmentsState,
    Assignment,
    canonical,
    emptied,
    uncounted,
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
from kzero_scim.resource.model import UNKNOWN, Call
from kzero_scim.resource.reading import Absent, Present, Unknown

if TYPE_CHECKING:
    from kzero_scim.clients.graph.client import GraphClient


@dataclass(frozen=True)
class Move:
    """A change of a set of assignments.

    Attributes:
        old: The set as last applied, or None for a new set.
        new: The wanted inputs.
        wanted: The wanted assignments by name, looked up.
        existing: All assignments of the service principal now.
        sizes: Number of members of the wanted groups now, by object ID.
    """

    old: AppRoleAssignmentsState | None
    new: AppRoleAssignmentsInputs
    wanted: Mapping[str, Assignment]
    existing: Sequence[Assigned]
    sizes: Mapping[str, int]


async def guard(graph: GraphClient, call: Call, move: Move) -> None:
    """Refuse a change that takes access from too many users. In a preview, warn who would lose access.

    Raises:
        ProviderError: Too many users would lose access, and the run does not confirm it.
    """
    old = move.old
    names = {} if old is None else {item.principal_id: name for name, item in old.assignments.items()}
    principals = {item.principal_id for item in move.wanted.values()}
    # Compared by principal: a user who gets another role does not lose access.
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
    loss = replace(
        loss,
        emptied=emptied(old, move.wanted, move.sizes),
        uncounted=[*loss.uncounted, *uncounted(old, move.wanted, move.sizes)],
    )
    require_confirmation(loss, _limits(move.new))
    if call.preview and (loss.count or loss.uncounted):
        await call.log.warning(loss.described())


def refuse_replacement(old: AppRoleAssignmentsState, new: AppRoleAssignmentsInputs) -> None:
    """Refuse to move a large set to another service principal, unless the run confirms it.

    Raises:
        ProviderError: Too many users would lose access, and the run does not confirm it.
    """
    principal = old.service_principal_id
    why = f"replacing the enterprise application would remove all assignments of service principal {principal}: "
    require_confirmation(whole_loss(_held(old), old.group_sizes), _limits(new), why)


async def refuse_removal(graph: GraphClient, old: AppRoleAssignmentsState) -> None:
    """Refuse to delete a large set while a provisioning job runs, unless the run confirms it.

    Raises:
        ProviderError: Too many users would lose access, and the run does not confirm it.
        GraphError: Graph refused to list the jobs or is unreachable.
    """
    principal, held, sizes = old.service_principal_id, _held(old), old.group_sizes
    if missing := [item.principal_id for item in held if item.kind == "Group" and item.principal_id not in sizes]:
        sizes = {**sizes, **await group_sizes(graph, missing)}
    loss = whole_loss(held, sizes)
    if not exceeds(loss, _limits(old)):
        return
    match await look_up_part(graph, principal_path(principal), lambda: graph.pages(jobs_path(principal))):
        case Present(jobs):
            pass
        case Absent():
            return
        case Unknown() as unknown:
            raise unknown.failure()
        case never:
            assert_never(never)
    running = [str(job.get("id")) for job in jobs if parse_job(job).schedule_state == ACTIVE]
    if running:
        message = (
            f"cannot remove the assignments of service principal {principal} while its provisioning job {running[0]} "
            f"runs: {loss.described()}. Nothing was removed. Pause the job first (kzero-scim:provisioning: false); or, "
            f"{confirmation(loss)}"
        )
        raise ProviderError(message)


def surplus_of(
    existing: Sequence[Assigned],
    principals: Collection[str],
    new: AppRoleAssignmentsInputs,
    old: AppRoleAssignmentsState | None,
) -> list[Assigned]:
    """Return the assignments that are not wanted: those of the old set, or any if the new set is exclusive.

    Args:
        existing: All assignments of the service principal.
        principals: Object IDs of the wanted principals, with any role.
        new: The wanted inputs.
        old: The set as last applied.
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
    """Return the limits. One that a preview does not know yet refuses nothing; the update knows it."""
    users, share = new.unassign_max_users, new.unassign_max_share
    return Limits(sys.maxsize if users is UNKNOWN else users, 100 if share is UNKNOWN else share)


async def announce(call: Call, old: AppRoleAssignmentsState, new: AppRoleAssignmentsInputs) -> None:
    """Log the names that the update would add and remove. The engine's display shows list positions only."""
    adds: list[str] = []
    removes: list[str] = []
    lists: tuple[tuple[Kind, list[str], list[str]], ...] = (
        ("User", old.users, known(new.users)),
        ("Group", old.groups, known(new.groups)),
    )
    for kind, before, after in lists:
        same = canonical(old, kind)
        known_before, known_after = set(map(same, before)), set(map(same, after))
        adds += [name for name in after if same(name) not in known_before]
        removes += [name for name in before if same(name) not in known_after]
    removes += [f"{name} (assigned elsewhere)" for name in old.unmanaged if new.exclusive is True]
    parts = [
        f"would {verb}: {listed(names, LONGEST_NOTE)}" for verb, names in (("add", adds), ("remove", removes)) if names
    ]
    if parts:
        await call.log.info("; ".join(parts))
