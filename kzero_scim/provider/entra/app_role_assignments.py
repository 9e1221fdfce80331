"""``kzero:entra:AppRoleAssignments``: who is assigned to a service principal, as one set.

https://learn.microsoft.com/graph/api/serviceprincipal-list-approleassignedto and ``-post-approleassignedto``.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Final

from kzero_scim.clients.graph import GraphClient, segment
from kzero_scim.errors import GraphError, PartialFailureError, ProviderError
from kzero_scim.provider.entra.assignment_batches import Assigned, assign, assigned_to, unassign
from kzero_scim.provider.entra.name_lists import known, membership, without_repeats
from kzero_scim.provider.entra.permission_check import ASSIGN, READ_ASSIGNMENTS, require_permissions
from kzero_scim.provider.entra.principals import (
    Principal,
    is_object_id,
    name_all,
    resolve,
    same_user,
)
from kzero_scim.provider.model import (
    UNKNOWN,
    Call,
    Change,
    ChangeKind,
    Created,
    Failure,
    Found,
    Resource,
    compare,
    prop,
    replacing,
)
from kzero_scim.provider.services import Services

_LONGEST_LIST: Final = 20
"""Names that one line of the display lists."""


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """One assignment."""

    principal_id: str = prop("Object id of the user or group.")
    principal_type: str = prop("User or Group.")
    assignment_id: str = prop("Id of the assignment.")
    display_name: str = prop("Display name of the user or group.")


@dataclass(frozen=True, kw_only=True)
class AppRoleAssignmentsInputs:
    """Who shall be assigned."""

    service_principal_id: str = prop("Object id of the enterprise application's service principal.", replace=True)
    users: list[str] = prop("User principal names or object ids, in any order.", default_factory=list)
    groups: list[str] = prop("Unique display names or object ids of groups, in any order.", default_factory=list)
    role_name: str = prop("Display name of the app role that they get.", default="User")
    exclusive: bool = prop("Also remove users and groups that were assigned elsewhere.", default=False)


@dataclass(frozen=True, kw_only=True)
class AppRoleAssignmentsState(AppRoleAssignmentsInputs):
    """Who is assigned."""

    app_role_id: str = prop("Id of the app role.")
    assignments: dict[str, Assignment] = prop(
        "The assignments, by the name used in users or groups.", default_factory=dict
    )
    unmanaged: list[str] = prop(
        "Display names of users and groups that were assigned elsewhere; they are left alone.", default_factory=list
    )
    warnings: list[str] = prop("What was odd about users and groups when they were looked up.", default_factory=list)


class AppRoleAssignments(Resource[AppRoleAssignmentsInputs, AppRoleAssignmentsState]):
    """The assignments of the listed users and groups, and nothing else of the service principal.

    An assignment that exists already is taken over, and removed with the resource. Assignments of other app roles and
    of other service principals are left alone. Needs AppRoleAssignment.ReadWrite.All, Application.Read.All,
    User.Read.All and GroupMember.Read.All.
    """

    token: ClassVar[str] = "kzero:entra:AppRoleAssignments"  # noqa: S105 - a type token
    inputs = AppRoleAssignmentsInputs
    state = AppRoleAssignmentsState

    def __init__(self, services: Services) -> None:
        """Keep the clients."""
        self._services = services

    @property
    def _graph(self) -> GraphClient:
        return self._services.graph

    async def check(
        self,
        call: Call,  # noqa: ARG002
        new: AppRoleAssignmentsInputs,
        old: AppRoleAssignmentsInputs | None,  # noqa: ARG002
    ) -> tuple[AppRoleAssignmentsInputs, list[Failure]]:
        """Drop repeated names, and refuse what cannot be a name."""
        failures: list[Failure] = []
        if new.service_principal_id is not UNKNOWN and not is_object_id(new.service_principal_id):
            reason = f'"{new.service_principal_id}" is no object id (a GUID); give the service principal\'s object id'
            failures.append(Failure("servicePrincipalId", reason))
        if new.role_name is not UNKNOWN and not new.role_name.strip():
            failures.append(Failure("roleName", "must not be empty; the guide's role is User"))
        for index, user in enumerate(known(new.users)):
            if user is not UNKNOWN and not is_object_id(user) and not _may_be_user(user):
                reason = f'"{user}" is neither a user principal name (name@domain) nor an object id'
                failures.append(Failure(f"users[{index}]", reason))
        for index, group in enumerate(known(new.groups)):
            if group is not UNKNOWN and (not group.strip() or group != group.strip()):
                reason = f'"{group}" is no group\'s display name; remove the blanks around it'
                failures.append(Failure(f"groups[{index}]", reason))
            elif group is not UNKNOWN and group in known(new.users):
                failures.append(Failure(f"groups[{index}]", f'"{group}" is among the users too; list it once'))
        return replace(new, users=without_repeats(new.users), groups=without_repeats(new.groups)), failures

    async def diff(
        self,
        call: Call,  # noqa: ARG002
        id: str,  # noqa: A002, ARG002
        old: AppRoleAssignmentsState,
        new: AppRoleAssignmentsInputs,
    ) -> list[Change]:
        """Tell who is added and who is removed, whatever the order; asks no service."""
        changes = [
            replacing(change)
            for change in compare(old.service_principal_id, new.service_principal_id, "servicePrincipalId")
        ]
        canonical = _canonical(old)
        changes += membership("users", old.users, new.users, canonical)
        changes += membership("groups", old.groups, new.groups, canonical)
        changes += compare(old.role_name, new.role_name, "roleName")
        changes += compare(old.exclusive, new.exclusive, "exclusive")
        if new.exclusive is True:
            changes += [Change(f"unmanaged[{index}]", ChangeKind.DELETE) for index in range(len(old.unmanaged))]
        return changes

    async def plan(
        self, call: Call, new: AppRoleAssignmentsInputs, old: AppRoleAssignmentsState | None
    ) -> AppRoleAssignmentsState:
        """Look up the names that are new, and the role; warn of what is odd about them.

        Raises:
            ProviderError: Names are unknown or ambiguous (all of them are named), or there is no such role, or a
                permission is missing.
        """
        await require_permissions(self._services.graph, ASSIGN, READ_ASSIGNMENTS)
        role: Any = old.app_role_id if old is not None and old.role_name == new.role_name else UNKNOWN
        if role is UNKNOWN and UNKNOWN not in (new.service_principal_id, new.role_name):
            role = await self._role(new)
        kept = _kept(old, new)
        found = await self._look_up(new, kept)
        for warning in _warnings(found):
            await call.log.warning(warning)
        if old is not None:
            await _announce(call, old, new)
        others: Any = UNKNOWN if old is None else old.unmanaged
        assignments = kept | {
            name: Assignment(
                principal_id=principal.id,
                principal_type=principal.kind,
                assignment_id=UNKNOWN,
                display_name=principal.display_name,
            )
            for name, principal in found.items()
        }
        are_known = UNKNOWN not in (*known(new.users), *known(new.groups), new.users, new.groups)
        return AppRoleAssignmentsState(
            **_inputs_of(new),
            app_role_id=role,
            assignments=assignments if are_known else UNKNOWN,
            unmanaged=[] if new.exclusive is True else others,
            warnings=[*_old_warnings(old, kept), *_warnings(found)],
        )

    async def create(self, call: Call, new: AppRoleAssignmentsInputs) -> Created[AppRoleAssignmentsState]:
        """Assign everybody who is not assigned yet.

        Raises:
            ProviderError: Names or the role are unknown; nothing was assigned.
            PartialFailureError: Some could not be assigned.
        """
        return Created(new.service_principal_id, await self._apply(call, new, None))

    async def update(
        self,
        call: Call,
        id: str,  # noqa: A002, ARG002
        old: AppRoleAssignmentsState,
        new: AppRoleAssignmentsInputs,
    ) -> AppRoleAssignmentsState:
        """Assign who is new and remove who is not wanted any more.

        Raises:
            ProviderError: Names or the role are unknown; nothing was changed.
            PartialFailureError: Some could not be assigned or removed.
        """
        return await self._apply(call, new, old)

    async def read(
        self,
        call: Call,  # noqa: ARG002
        id: str,  # noqa: A002
        old: AppRoleAssignmentsState | None,
    ) -> Found[AppRoleAssignmentsInputs, AppRoleAssignmentsState] | None:
        """Read the assignments, in pages of 999; who is not assigned any more is missing from users and groups."""
        try:
            existing = await assigned_to(self._graph, id)
            state = _refreshed(old, existing) if old is not None else await self._imported(id, existing)
        except GraphError as error:
            if error.status == 404:  # noqa: PLR2004 - the service principal is gone
                return None
            raise
        return Found(id, AppRoleAssignmentsInputs(**_inputs_of(state)), state)

    async def delete(
        self,
        call: Call,  # noqa: ARG002
        id: str,  # noqa: A002
        old: AppRoleAssignmentsState,
    ) -> None:
        """Remove the assignments of the set, and no others."""
        failures = await unassign(self._graph, id, [item.assignment_id for item in old.assignments.values()])
        if failures:
            message = f"cannot remove {len(failures)} of {len(old.assignments)} assignments: {failures[0]}"
            raise ProviderError(message)

    async def _role(self, new: AppRoleAssignmentsInputs) -> str:
        path = f"/servicePrincipals/{segment(new.service_principal_id)}"
        query = {"$select": "id,displayName,appRoles"}
        principal = await self._graph.consistent(lambda: self._graph.get(path, query, fresh=True))
        roles = [role for role in principal.get("appRoles") or [] if role.get("isEnabled", True)]
        for role in roles:
            if role.get("displayName") == new.role_name:
                return str(role["id"])
        listed = ", ".join(f'"{role.get("displayName")}"' for role in roles) or "none"
        message = (
            f'service principal "{principal.get("displayName")}" ({new.service_principal_id}) has no app role '
            f'"{new.role_name}"; it has {listed}: correct roleName'
        )
        raise ProviderError(message)

    async def _look_up(self, new: AppRoleAssignmentsInputs, kept: dict[str, Assignment]) -> dict[str, Principal]:
        users = [user for user in known(new.users) if user is not UNKNOWN and user not in kept]
        groups = [group for group in known(new.groups) if group is not UNKNOWN and group not in kept]
        resolution = await resolve(self._graph, users, groups)
        where = "" if new.service_principal_id is UNKNOWN else f" to service principal {new.service_principal_id}"
        return resolution.require(f"cannot assign users and groups{where}")

    async def _apply(
        self, call: Call, new: AppRoleAssignmentsInputs, old: AppRoleAssignmentsState | None
    ) -> AppRoleAssignmentsState:
        sp = new.service_principal_id
        kept = _kept(old, new)
        found = await self._look_up(new, kept)
        role = old.app_role_id if old is not None and old.role_name == new.role_name else await self._role(new)
        existing = await self._graph.consistent(lambda: assigned_to(self._graph, sp))
        wanted = {name: item.principal_id for name, item in kept.items()}
        wanted |= {name: principal.id for name, principal in found.items()}

        missing = set(wanted.values()) - {item.principal_id for item in existing if item.role_id == role}
        await call.log.status(f"assigning {len(missing)}")
        made, failures = await assign(self._graph, sp, role, sorted(missing))
        current = [*existing, *made]

        ours = {(item.principal_id, old.app_role_id) for item in old.assignments.values()} if old is not None else set()
        keep = {(principal, role) for principal in wanted.values()}
        surplus = [
            item
            for item in current
            if item.is_person_or_group and item.key not in keep and (new.exclusive or item.key in ours)
        ]
        if not failures:
            failures = await unassign(self._graph, sp, [item.id for item in surplus])
        state = replace(
            _state(new, role, wanted, current if failures else [item for item in current if item not in surplus]),
            warnings=[*_old_warnings(old, kept), *_warnings(found)],
        )
        if not failures:
            return state
        message = f"cannot make all assignments of service principal {sp}, {len(failures)} failed: {failures[0]}"
        if old is None and not state.assignments:
            raise ProviderError(message)
        # Read again: after a failure it is not certain which requests of a batch were carried out.
        state = await self._after_failure(sp, state, wanted, role, old)
        raise PartialFailureError(sp, state, message)

    async def _after_failure(
        self,
        sp: str,
        state: AppRoleAssignmentsState,
        wanted: dict[str, str],
        role: str,
        old: AppRoleAssignmentsState | None,
    ) -> AppRoleAssignmentsState:
        try:
            current = await assigned_to(self._graph, sp)
        except GraphError:
            return state
        names = dict(wanted)
        inputs = AppRoleAssignmentsInputs(**_inputs_of(state))
        if old is not None and old.app_role_id == role:  # what could not be removed is still ours to remove
            names |= {name: item.principal_id for name, item in old.assignments.items() if name not in wanted}
            inputs = replace(
                inputs,
                users=[*inputs.users, *(name for name in old.users if name not in inputs.users)],
                groups=[*inputs.groups, *(name for name in old.groups if name not in inputs.groups)],
            )
        return replace(_state(inputs, role, names, current), warnings=state.warnings)

    async def _imported(self, sp: str, existing: Sequence[Assigned]) -> AppRoleAssignmentsState:
        path = f"/servicePrincipals/{segment(sp)}"
        principal = await self._graph.get(path, {"$select": "id,displayName,appRoles"})
        roles = {str(role["id"]): str(role.get("displayName")) for role in principal.get("appRoles") or []}
        role = next((key for key, name in roles.items() if name == "User"), None) or next(iter(roles), "")
        own = [item for item in existing if item.role_id == role and item.is_person_or_group]
        names = await name_all(self._graph, [item.document for item in own])
        inputs = AppRoleAssignmentsInputs(
            service_principal_id=sp,
            users=[names[item.principal_id] for item in own if item.kind == "User"],
            groups=[names[item.principal_id] for item in own if item.kind == "Group"],
            role_name=roles.get(role, "User"),
        )
        return _state(inputs, role, {names[item.principal_id]: item.principal_id for item in own}, existing)


def _canonical(old: AppRoleAssignmentsState) -> Callable[[str], str]:
    """Equate a name with the object id that the state knows for it."""
    ids = {same_user(name): item.principal_id.casefold() for name, item in old.assignments.items()}
    return lambda name: ids.get(same_user(name), same_user(name))


def _kept(old: AppRoleAssignmentsState | None, new: AppRoleAssignmentsInputs) -> dict[str, Assignment]:
    """Give the assignments that the state knows already, by the names that the program uses now."""
    if old is None:
        return {}
    canonical = _canonical(old)
    by_name = {canonical(name): item for name, item in old.assignments.items()}
    names = [name for name in (*known(new.users), *known(new.groups)) if name is not UNKNOWN]
    return {name: by_name[canonical(name)] for name in names if canonical(name) in by_name}


def _state(
    inputs: AppRoleAssignmentsInputs, role: str, names: dict[str, str], existing: Sequence[Assigned]
) -> AppRoleAssignmentsState:
    """Describe what exists: of the inputs' names only those whose assignment is there."""
    by_principal = {item.principal_id: item for item in existing if item.role_id == role}
    assignments = {
        name: Assignment(
            principal_id=item.principal_id,
            principal_type=item.kind,
            assignment_id=item.id,
            display_name=item.display_name,
        )
        for name, principal in names.items()
        if (item := by_principal.get(principal)) is not None
    }
    ours = {item.assignment_id for item in assignments.values()}
    return AppRoleAssignmentsState(
        service_principal_id=inputs.service_principal_id,
        users=[user for user in inputs.users if user in assignments],
        groups=[group for group in inputs.groups if group in assignments],
        role_name=inputs.role_name,
        exclusive=inputs.exclusive,
        app_role_id=role,
        assignments=assignments,
        unmanaged=sorted(item.display_name for item in existing if item.is_person_or_group and item.id not in ours),
    )


def _refreshed(old: AppRoleAssignmentsState, existing: Sequence[Assigned]) -> AppRoleAssignmentsState:
    # A spelling in users may differ in case from the key in assignments, which an earlier program used.
    names = {name: item.principal_id for name, item in _kept(old, old).items()}
    state = _state(old, old.app_role_id, names, existing)
    return replace(state, warnings=_old_warnings(old, state.assignments))


def _inputs_of(new: AppRoleAssignmentsInputs) -> dict[str, Any]:
    return {
        "service_principal_id": new.service_principal_id,
        "users": new.users,
        "groups": new.groups,
        "role_name": new.role_name,
        "exclusive": new.exclusive,
    }


def _warnings(found: dict[str, Principal]) -> list[str]:
    return [warning for principal in found.values() for warning in principal.warnings]


def _old_warnings(old: AppRoleAssignmentsState | None, kept: dict[str, Any]) -> list[str]:
    if old is None:
        return []
    starts = tuple(start for name in kept for start in (f"user {name} ", f'group "{name}" '))
    return [warning for warning in old.warnings if warning.startswith(starts)]


async def _announce(call: Call, old: AppRoleAssignmentsState, new: AppRoleAssignmentsInputs) -> None:
    """Say by name who comes and who goes: the engine's display of a list shows places."""
    canonical = _canonical(old)
    before, after = [*old.users, *old.groups], [*known(new.users), *known(new.groups)]
    known_after = {canonical(name) for name in after if name is not UNKNOWN}
    known_before = {canonical(name) for name in before}
    adds = [name for name in after if name is not UNKNOWN and canonical(name) not in known_before]
    removes = [name for name in before if canonical(name) not in known_after]
    removes += [f"{name} (assigned elsewhere)" for name in old.unmanaged if new.exclusive is True]
    parts = [f"{word}: {_listed(names)}" for word, names in (("adds", adds), ("removes", removes)) if names]
    if parts:
        await call.log.info("; ".join(parts))


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _LONGEST_LIST} more" if len(names) > _LONGEST_LIST else ""
    return ", ".join(names[:_LONGEST_LIST]) + more


def _may_be_user(name: str) -> bool:
    local, _, domain = name.rpartition("@")
    return bool(local and domain) and not any(character.isspace() for character in name)
