"""``kzero:entra:AppRoleAssignments``: the users and groups assigned to a service principal, as one set.

https://learn.microsoft.com/graph/api/serviceprincipal-list-approleassignedto and ``-post-approleassignedto``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, Final

from kzero_scim.clients.graph.batch import Progress
from kzero_scim.clients.graph.client import GraphClient, segment
from kzero_scim.clients.graph.look_up import look_up_part, principal_path
from kzero_scim.clients.graph.write_limit import least_seconds
from kzero_scim.errors import GraphError, PartialFailureError, ProviderError
from kzero_scim.provider.directory.assignments import Assigned, assign, assigned_to, unassign
from kzero_scim.provider.directory.group_members import group_sizes
from kzero_scim.provider.directory.name_lists import known, membership, without_repeats
from kzero_scim.provider.directory.principals import Principal, name_all, resolve, same_group
from kzero_scim.provider.entra.app_role_assignments.facts import FACTS
from kzero_scim.provider.entra.app_role_assignments.guard import (
    Move,
    announce,
    guard,
    refuse_removal,
    refuse_replacement,
    surplus_of,
)
from kzero_scim.provider.entra.app_role_assignments.state import (
    AppRoleAssignmentsInputs,
    AppRoleAssignmentsState,
    Assignment,
    canonical,
    existing_state,
    kept,
    lasting_warnings,
    refreshed,
    warnings_of,
)
from kzero_scim.provider.entra.permission_check import (
    ASSIGN,
    READ_ASSIGNMENTS,
    require_permissions,
    warn_of_permissions,
)
from kzero_scim.provider.services import Services
from kzero_scim.resource.facts import Facts
from kzero_scim.resource.formats import fold_id, is_guid, same_id
from kzero_scim.resource.model import (
    UNKNOWN,
    Call,
    Change,
    ChangeKind,
    Created,
    Failure,
    Found,
    Resource,
    Sides,
    compare,
    compare_ids,
    inputs_of,
    replacing,
)
from kzero_scim.resource.paths import parse_path
from kzero_scim.resource.reading import Absent, Present, Unknown, observed

__all__ = ["AppRoleAssignments", "AppRoleAssignmentsInputs", "AppRoleAssignmentsState", "Assignment"]

_REPORT_EVERY: Final = 200
"""Changed assignments between two messages."""
_LONG_WAIT: Final = 5.0
"""Seconds of a wait that is reported."""


class AppRoleAssignments(Resource[AppRoleAssignmentsInputs, AppRoleAssignmentsState]):
    """The assignments of the listed users and groups to one service principal.

    The resource adopts an assignment that already exists, and deletes it together with the others. It does not change
    assignments of other app roles or other service principals.

    The preview fails if more users would lose access than both limits allow, or if a group that had members is empty.
    Confirm such an update with ``KZERO_SCIM_CONFIRM=unassign=<count>``.

    Needs AppRoleAssignment.ReadWrite.All, Application.Read.All, User.Read.All and GroupMember.Read.All.
    """

    token: ClassVar[str] = "kzero:entra:AppRoleAssignments"  # noqa: S105 - a type token
    facts: ClassVar[Facts] = FACTS
    inputs = AppRoleAssignmentsInputs
    state = AppRoleAssignmentsState

    def __init__(self, services: Services) -> None:
        """Store the clients."""
        self._services = services

    @classmethod
    def changed_objects(cls, sides: Sides, change: Change) -> list[str] | None:
        """Return the object ID and name of the user or group that a change affects."""
        steps = parse_path(change.path)
        if len(steps) < 2 or steps[0] not in {"users", "groups", "unmanaged"}:  # noqa: PLR2004 - the list and the place
            return []
        names = [
            _at(getattr(side, steps[0], None), steps[1])
            for side, kind in ((sides.wanted, ChangeKind.DELETE), (sides.found, ChangeKind.ADD))
            if change.kind is not kind  # an added name has its index in the wanted list only
        ]
        assignments = getattr(sides.state, "assignments", {})
        held = [assignments[name].principal_id for name in names if name in assignments]
        return [name for name in (*held, *names) if name] or None

    @property
    def _graph(self) -> GraphClient:
        return self._services.graph

    async def check(
        self,
        call: Call,  # noqa: ARG002
        new: AppRoleAssignmentsInputs,
        old: AppRoleAssignmentsInputs | None,  # noqa: ARG002
    ) -> tuple[AppRoleAssignmentsInputs, list[Failure]]:
        """Remove repeated names, and refuse values that cannot be names."""
        failures: list[Failure] = []
        if new.service_principal_id is not UNKNOWN and not is_guid(new.service_principal_id):
            reason = f'"{new.service_principal_id}" is not an object ID (GUID); use the service principal\'s object ID'
            failures.append(Failure("servicePrincipalId", reason))
        if new.role_name is not UNKNOWN and not new.role_name.strip():
            failures.append(Failure("roleName", "must not be empty; KZero's guide uses User"))
        for index, user in enumerate(known(new.users)):
            if user is not UNKNOWN and not is_guid(user) and not _may_be_user(user):
                reason = f'"{user}" is neither a user principal name (name@domain) nor an object ID'
                failures.append(Failure(f"users[{index}]", reason))
        for index, group in enumerate(known(new.groups)):
            if group is not UNKNOWN and (not group.strip() or group != group.strip()):
                reason = f'"{group}" is not a display name; remove the spaces around it, or use the group\'s object ID'
                failures.append(Failure(f"groups[{index}]", reason))
            elif group is not UNKNOWN and group in known(new.users):
                failures.append(Failure(f"groups[{index}]", f'"{group}" is also in users; list it once'))
        if new.unassign_max_users is not UNKNOWN and new.unassign_max_users < 0:
            failures.append(Failure("unassignMaxUsers", "must be 0 or more"))
        if new.unassign_max_share is not UNKNOWN and not 0 <= new.unassign_max_share <= 100:  # noqa: PLR2004 - percent
            failures.append(Failure("unassignMaxShare", "must be a percentage from 0 to 100"))
        return replace(new, users=without_repeats(new.users), groups=without_repeats(new.groups, same_group)), failures

    async def diff(
        self,
        call: Call,  # noqa: ARG002
        id: str,  # noqa: A002, ARG002
        old: AppRoleAssignmentsState,
        new: AppRoleAssignmentsInputs,
    ) -> list[Change]:
        """Return who is added and removed, ignoring the order. Asks no service.

        Raises:
            ProviderError: A replacement would take access from too many users, and the run does not confirm it. Checked
                here because ``plan`` does not get the old state of a replacement.
        """
        changes = [
            replacing(change)
            for change in compare_ids(old.service_principal_id, new.service_principal_id, "servicePrincipalId")
        ]
        if changes:
            refuse_replacement(old, new)
        changes += membership("users", old.users, new.users, canonical(old, "User"))
        changes += membership("groups", old.groups, new.groups, canonical(old, "Group"))
        changes += compare(old.role_name, new.role_name, "roleName")
        changes += compare(old.exclusive, new.exclusive, "exclusive")
        changes += compare(old.unassign_max_users, new.unassign_max_users, "unassignMaxUsers")
        changes += compare(old.unassign_max_share, new.unassign_max_share, "unassignMaxShare")
        changes += [Change(f"emptiedGroups[{index}]", ChangeKind.DELETE) for index in range(len(old.emptied_groups))]
        if new.exclusive is True:
            changes += [Change(f"unmanaged[{index}]", ChangeKind.DELETE) for index in range(len(old.unmanaged))]
        return changes

    async def plan(
        self, call: Call, new: AppRoleAssignmentsInputs, old: AppRoleAssignmentsState | None
    ) -> AppRoleAssignmentsState:
        """Look up new names and the role, warn of problems with them, and log who would lose access.

        Warns if the permission to assign is missing.

        Raises:
            ProviderError: A name is unknown or ambiguous (the message lists all of them), the role does not exist, the
                permission to read assignments is missing, or too many users would lose access.
        """
        await require_permissions(self._graph, READ_ASSIGNMENTS)
        if _may_assign(new, old):
            await warn_of_permissions(call, self._graph, ASSIGN)
        role: Any = old.app_role_id if old is not None and old.role_name == new.role_name else UNKNOWN
        if role is UNKNOWN and UNKNOWN not in (new.service_principal_id, new.role_name):
            role = await self._role(new)
        had = kept(old, new)
        found = await self._look_up(new, had)
        for warning in warnings_of(found):
            await call.log.warning(warning)
        if note := _long_wait("assigned", len(found)):
            await call.log.info(note)
        are_known = UNKNOWN not in (*known(new.users), *known(new.groups), new.users, new.groups)
        others: Any = UNKNOWN if old is None else old.unmanaged
        assignments = had | _to_be_made(found)
        sizes: Any = UNKNOWN
        if are_known and UNKNOWN not in (new.service_principal_id, new.exclusive):
            sizes = await self._sizes(assignments)
            removes = old is not None and {item.principal_id for item in old.assignments.values()} - {
                item.principal_id for item in assignments.values()
            }
            existing = await assigned_to(self._graph, new.service_principal_id) if removes or new.exclusive else []
            await guard(self._graph, call, Move(old, new, assignments, existing, sizes))
            sizes = _last_sizes(old, sizes)
            if old is not None:
                await announce(call, old, new)
        return AppRoleAssignmentsState(
            **inputs_of(AppRoleAssignmentsInputs, new),
            app_role_id=role,
            assignments=assignments if are_known else UNKNOWN,
            unmanaged=[] if new.exclusive is True else others,
            warnings=[*lasting_warnings(old, had), *warnings_of(found)],
            group_sizes=sizes,
        )

    async def create(self, call: Call, new: AppRoleAssignmentsInputs) -> Created[AppRoleAssignmentsState]:
        """Create the missing assignments.

        Raises:
            ProviderError: A name or the role is unknown, and nothing was assigned.
            PartialFailureError: Some assignments could not be created.
        """
        return Created(new.service_principal_id, await self._apply(call, new, None))

    async def update(
        self,
        call: Call,
        id: str,  # noqa: A002, ARG002
        old: AppRoleAssignmentsState,
        new: AppRoleAssignmentsInputs,
    ) -> AppRoleAssignmentsState:
        """Create the missing assignments and delete those that are no longer wanted.

        Raises:
            ProviderError: A name or the role is unknown, or too many users would lose access. Nothing was changed.
            PartialFailureError: Some assignments could not be created or deleted.
        """
        return await self._apply(call, new, old)

    @observed
    async def read(
        self,
        call: Call,  # noqa: ARG002
        id: str,  # noqa: A002
        old: AppRoleAssignmentsState | None,
    ) -> Found[AppRoleAssignmentsInputs, AppRoleAssignmentsState] | Absent | Unknown:
        """Read the assignments. Names that are no longer assigned are missing from users and groups."""
        answer = await look_up_part(self._graph, principal_path(id), lambda: assigned_to(self._graph, id))
        if not isinstance(answer, Present):
            return answer
        existing = answer.value
        if old is None:
            state = await self._imported(id, existing)
        else:
            state = refreshed(old, existing, await self._sizes(old.assignments))
        return Found(id, AppRoleAssignmentsInputs(**inputs_of(AppRoleAssignmentsInputs, state)), state)

    async def delete(
        self,
        call: Call,
        id: str,  # noqa: A002
        old: AppRoleAssignmentsState,
    ) -> None:
        """Delete the assignments of the set, and no others.

        ``pulumi destroy`` deletes the provisioning job first. If a job still runs, the set was removed from the
        program. No preview asks the provider about that, and Entra would disable all users of the set.

        Raises:
            ProviderError: Some assignments could not be deleted, or a job runs and too many users would lose access.
        """
        await refuse_removal(self._graph, old)
        await self._remove(call, id, old)

    async def give_up(
        self,
        call: Call,
        id: str,  # noqa: A002
        old: AppRoleAssignmentsState,
        new: AppRoleAssignmentsState,
    ) -> None:
        """Delete the assignments that only the old set has."""
        taken = {item.assignment_id for item in new.assignments.values()}
        rest = {name: item for name, item in old.assignments.items() if item.assignment_id not in taken}
        if rest:
            await self.delete(call, id, replace(old, assignments=rest))

    async def _remove(self, call: Call, id: str, old: AppRoleAssignmentsState) -> None:  # noqa: A002
        held = [item.assignment_id for item in old.assignments.values()]
        failures = await unassign(self._graph, id, held, await _progress(call, "unassigned", len(held)))
        if failures:
            message = (
                f"could not remove {len(failures)} of {len(old.assignments)} assignments; fix the "
                f"cause, then run it again: {next(iter(failures.values()))}"
            )
            raise ProviderError(message)

    async def _sizes(self, assignments: Mapping[str, Assignment]) -> dict[str, int]:
        return await group_sizes(
            self._graph, [item.principal_id for item in assignments.values() if item.principal_type == "Group"]
        )

    async def _role(self, new: AppRoleAssignmentsInputs) -> str:
        path = f"/servicePrincipals/{segment(new.service_principal_id)}"
        query = {"$select": "id,displayName,appRoles"}
        principal = await self._graph.consistent(lambda: self._graph.get(path, query, fresh=True))
        roles = [role for role in principal.get("appRoles") or [] if role.get("isEnabled", True)]
        for role in roles:
            if role.get("displayName") == new.role_name:
                return str(fold_id(str(role["id"])))
        names = ", ".join(f'"{role.get("displayName")}"' for role in roles) or "none"
        message = (
            f'service principal "{principal.get("displayName")}" ({new.service_principal_id}) has no app role '
            f'"{new.role_name}"; set roleName to a role that it has: {names}'
        )
        raise ProviderError(message)

    async def _look_up(self, new: AppRoleAssignmentsInputs, had: Collection[str]) -> dict[str, Principal]:
        users = [user for user in known(new.users) if user is not UNKNOWN and user not in had]
        groups = [group for group in known(new.groups) if group is not UNKNOWN and group not in had]
        resolution = await resolve(self._graph, users, groups)
        where = "" if new.service_principal_id is UNKNOWN else f" to service principal {new.service_principal_id}"
        return resolution.require(f"cannot assign users and groups{where}")

    async def _apply(
        self, call: Call, new: AppRoleAssignmentsInputs, old: AppRoleAssignmentsState | None
    ) -> AppRoleAssignmentsState:
        sp = new.service_principal_id
        had = kept(old, new)
        found = await self._look_up(new, had)
        role = old.app_role_id if old is not None and old.role_name == new.role_name else await self._role(new)
        existing = await self._graph.consistent(lambda: assigned_to(self._graph, sp))
        assignments = had | _to_be_made(found)
        sizes = await self._sizes(assignments)
        await guard(self._graph, call, Move(old, new, assignments, existing, sizes))
        sizes = _last_sizes(old, sizes)
        wanted = {name: item.principal_id for name, item in assignments.items()}

        missing = set(wanted.values()) - {item.principal_id for item in existing if item.role_id == role}
        if missing:
            await require_permissions(self._graph, ASSIGN)
        made, failures = await assign(
            self._graph, sp, role, sorted(missing), await _progress(call, "assigned", len(missing))
        )
        current = [*existing, *made]

        keep = {(principal, role) for principal in wanted.values()}
        surplus = [item for item in surplus_of(current, set(), new, old) if item.key not in keep]
        if surplus and not failures:
            await require_permissions(self._graph, ASSIGN)
            removals = await unassign(
                self._graph, sp, [item.id for item in surplus], await _progress(call, "unassigned", len(surplus))
            )
            failures = list(removals.values())
            gone = {item.id for item in surplus} - removals.keys()
            current = [item for item in current if item.id not in gone]
        warnings = [*lasting_warnings(old, had), *warnings_of(found)]
        if not failures:
            return replace(existing_state(new, role, wanted, current, sizes), warnings=warnings)
        message = (
            f"could not change all assignments of service principal {sp}, {len(failures)} failed; fix the cause, "
            f"then run it again: {failures[0]}"
        )
        try:
            # Read again: after a failure it is unknown which requests of a batch Graph carried out.
            current = await assigned_to(self._graph, sp)
        except GraphError:
            await call.log.debug("could not read the assignments after the failure")
        state = replace(
            _after_failure(new, old, wanted=wanted, role=role, current=current, sizes=sizes), warnings=warnings
        )
        if old is None and not state.assignments:
            raise ProviderError(message)
        raise PartialFailureError(sp, state, message)

    async def _imported(self, sp: str, existing: Sequence[Assigned]) -> AppRoleAssignmentsState:
        path = f"/servicePrincipals/{segment(sp)}"
        principal = await self._graph.get(path, {"$select": "id,displayName,appRoles"})
        roles = {
            str(fold_id(str(role["id"]))): str(role.get("displayName")) for role in principal.get("appRoles") or []
        }
        # The most frequent role. The guide's role without assignments or after a tie.
        counted = Counter(item.role_id for item in existing if item.is_person_or_group and item.role_id in roles)
        role = max(roles, key=lambda key: (counted[key], roles[key] == "User"), default="")
        own = [item for item in existing if item.role_id == role and item.is_person_or_group]
        names = await name_all(self._graph, [item.document for item in own])
        inputs = AppRoleAssignmentsInputs(
            service_principal_id=sp,
            users=[names[item.principal_id] for item in own if item.kind == "User"],
            groups=[names[item.principal_id] for item in own if item.kind == "Group"],
            role_name=roles.get(role, "User"),
        )
        sizes = await group_sizes(self._graph, [item.principal_id for item in own if item.kind == "Group"])
        principals = {names[item.principal_id]: item.principal_id for item in own}
        return existing_state(inputs, role, principals, existing, sizes)


def _last_sizes(old: AppRoleAssignmentsState | None, sizes: Mapping[str, int]) -> dict[str, int]:
    """Return the group sizes now, or as last applied where a group could not be counted."""
    return {**({} if old is None else old.group_sizes), **sizes}


def _after_failure(  # noqa: PLR0913 - what an update knows
    new: AppRoleAssignmentsInputs,
    old: AppRoleAssignmentsState | None,
    *,
    wanted: Mapping[str, str],
    role: str,
    current: Sequence[Assigned],
    sizes: Mapping[str, int],
) -> AppRoleAssignmentsState:
    """Return the state after an update of which a part failed, with everything of this stack that is assigned."""
    if old is None:
        return existing_state(new, role, wanted, current, sizes)
    held = {name: item.principal_id for name, item in old.assignments.items()}
    if not same_id(old.app_role_id, role):
        # The next update finds the assignments of the new role, and still knows those of the old one.
        inputs = replace(new, users=old.users, groups=old.groups, role_name=old.role_name)
        return existing_state(inputs, old.app_role_id, held, current, sizes)
    inputs = replace(
        new,
        users=[*new.users, *(name for name in old.users if name not in new.users)],
        groups=[*new.groups, *(name for name in old.groups if name not in new.groups)],
    )
    return existing_state(inputs, role, {**held, **wanted}, current, sizes)


async def _progress(call: Call, done: str, total: int) -> Progress:
    """Return a function that reports how many assignments were changed, and how long Graph lets them wait."""
    reported = 0
    if note := _long_wait(done, total):
        await call.log.info(note)
    elif total:
        await call.log.status(f"{done} 0 of {total:,} users and groups")

    async def report(number: int, wait: float) -> None:
        nonlocal reported
        if wait >= _LONG_WAIT:
            text = f"{done} {number:,} of {total:,} users and groups; Graph's limit allows the next in {wait:.0f} s"
            await call.log.status(text)
        elif number - reported >= _REPORT_EVERY:
            reported = number
            await call.log.status(f"{done} {number:,} of {total:,} users and groups")

    return report


def _long_wait(done: str, total: int) -> str:
    """Return how long a number of changes takes because of Graph's limit, or "" if it does not matter."""
    seconds = least_seconds(total)
    minutes = f"{seconds / 60:.1f} minutes".replace(".0 ", " ")
    return (
        f"{total:,} users and groups to be {done}: at least {minutes}, because Graph limits writes" if seconds else ""
    )


def _may_assign(new: AppRoleAssignmentsInputs, old: AppRoleAssignmentsState | None) -> bool:
    """Return whether the update may assign or unassign a user or group."""
    if old is None:
        return True
    moved = [
        *membership("users", old.users, new.users, canonical(old, "User")),
        *membership("groups", old.groups, new.groups, canonical(old, "Group")),
    ]
    takes_others = new.exclusive is UNKNOWN or (new.exclusive and old.unmanaged != [])
    return bool(moved) or new.role_name != old.role_name or takes_others


def _to_be_made(found: Mapping[str, Principal]) -> dict[str, Assignment]:
    return {
        name: Assignment(
            principal_id=principal.id,
            principal_type=principal.kind,
            assignment_id=UNKNOWN,
        )
        for name, principal in found.items()
    }


def _may_be_user(name: str) -> bool:
    local, _, domain = name.rpartition("@")
    return bool(local and domain) and not any(character.isspace() for character in name)


def _at(values: Any, index: str) -> str | None:  # noqa: ANN401 - a list of names, or UNKNOWN
    return values[int(index)] if isinstance(values, list) and int(index) < len(values) else None
