"""What is wanted of a set of assignments, what exists of it, and how one follows from the other. Asks no service."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from kzero_scim.provider.directory.assignments import Assigned
from kzero_scim.provider.directory.name_lists import known
from kzero_scim.provider.directory.principals import Principal, same_user
from kzero_scim.resource.model import UNKNOWN, Packed, inputs_of, prop
from kzero_scim.settings.confirmations import UNASSIGN_MAX_SHARE, UNASSIGN_MAX_USERS


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment(Packed):
    """One assignment, stored as ``User <object id> <assignment id>``."""

    principal_type: str = prop("User or Group.")
    principal_id: str = prop("Object id of the user or group.")
    assignment_id: str = prop("Id of the assignment.")

    def packed(self) -> Any:  # noqa: ANN401 - UNKNOWN too
        """Give the text; UNKNOWN before there is an assignment."""
        parts = (self.principal_type, self.principal_id, self.assignment_id)
        return UNKNOWN if UNKNOWN in parts else " ".join(parts)

    @classmethod
    def unpacked(cls, text: str) -> Self | None:
        """Read the text."""
        parts = text.split(" ")
        if len(parts) != len(fields(cls)):
            return None
        return cls(principal_type=parts[0], principal_id=parts[1], assignment_id=parts[2])


@dataclass(frozen=True, kw_only=True)
class AppRoleAssignmentsInputs:
    """Who shall be assigned."""

    service_principal_id: str = prop("Object id of the enterprise application's service principal.", replace=True)
    users: list[str] = prop("User principal names or object ids, in any order.", default_factory=list)
    groups: list[str] = prop("Unique display names or object ids of groups, in any order.", default_factory=list)
    role_name: str = prop("Display name of the app role that they get.", default="User")
    exclusive: bool = prop("Also remove users and groups that were assigned elsewhere.", default=False)
    unassign_max_users: int = prop(
        "So many users may lose access in one update without a confirmation, or unassignMaxShare if that is more.",
        default=UNASSIGN_MAX_USERS,
    )
    unassign_max_share: int = prop(
        "The same as a share of all who have access, in percent.", default=UNASSIGN_MAX_SHARE
    )


@dataclass(frozen=True, kw_only=True)
class AppRoleAssignmentsState(AppRoleAssignmentsInputs):
    """Who is assigned."""

    app_role_id: str = prop("Id of the app role.")
    assignments: dict[str, Assignment] = prop(
        "The assignments, by the name used in users or groups: `User` or `Group`, its object id, the assignment's id.",
        default_factory=dict,
    )
    unmanaged: list[str] = prop(
        "Display names of users and groups that were assigned elsewhere; they are left alone.", default_factory=list
    )
    warnings: list[str] = prop("What was odd about users and groups when they were looked up.", default_factory=list)
    group_sizes: dict[str, int] = prop(
        "How many direct members the groups had that are users, when last applied, by object id.", default_factory=dict
    )
    emptied_groups: list[str] = prop(
        "Groups that had members when last applied and have none now, seen by a refresh.", default_factory=list
    )


def canonical(old: AppRoleAssignmentsState) -> Callable[[str], str]:
    """Equate a name with the object id that the state knows for it."""
    ids = {same_user(name): item.principal_id.casefold() for name, item in old.assignments.items()}
    return lambda name: ids.get(same_user(name), same_user(name))


def kept(old: AppRoleAssignmentsState | None, new: AppRoleAssignmentsInputs) -> dict[str, Assignment]:
    """Give the assignments that the state knows already, by the names that the program uses now."""
    if old is None:
        return {}
    same = canonical(old)
    by_name = {same(name): item for name, item in old.assignments.items()}
    names = [name for name in (*known(new.users), *known(new.groups)) if name is not UNKNOWN]
    return {name: by_name[same(name)] for name in names if same(name) in by_name}


def existing_state(
    inputs: AppRoleAssignmentsInputs,
    role: str,
    names: Mapping[str, str],
    existing: Sequence[Assigned],
    sizes: Mapping[str, int],
) -> AppRoleAssignmentsState:
    """Describe what exists: of the inputs' names only those whose assignment is there.

    Args:
        inputs: What was wanted.
        role: Id of the app role.
        names: The principals' object ids by name.
        existing: All assignments of the service principal.
        sizes: Numbers of members of groups, by object id.
    """
    by_principal = {item.principal_id: item for item in existing if item.role_id == role}
    assignments = {
        name: Assignment(
            principal_id=item.principal_id,
            principal_type=item.kind,
            assignment_id=item.id,
        )
        for name, principal in names.items()
        if (item := by_principal.get(principal)) is not None
    }
    ours = {item.assignment_id for item in assignments.values()}
    held = {item.principal_id for item in assignments.values()}
    given = inputs_of(AppRoleAssignmentsInputs, inputs)
    given["users"] = [user for user in inputs.users if user in assignments]
    given["groups"] = [group for group in inputs.groups if group in assignments]
    return AppRoleAssignmentsState(
        **given,
        app_role_id=role,
        assignments=assignments,
        unmanaged=sorted(item.display_name for item in existing if item.is_person_or_group and item.id not in ours),
        group_sizes={key: size for key, size in sizes.items() if key in held},
    )


def refreshed(
    old: AppRoleAssignmentsState, existing: Sequence[Assigned], sizes: Mapping[str, int]
) -> AppRoleAssignmentsState:
    """Describe what is left of a state, and which of its groups have lost all members.

    A number of members stays as it was when last applied, so that a group that gains or loses some is no drift.
    """
    # A spelling in users may differ in case from the key in assignments, which an earlier program used.
    names = {name: item.principal_id for name, item in kept(old, old).items()}
    state = existing_state(old, old.app_role_id, names, existing, {**sizes, **old.group_sizes})
    return replace(
        state,
        warnings=lasting_warnings(old, state.assignments),
        emptied_groups=sorted(emptied(old, state.assignments, sizes)),
    )


def emptied(
    old: AppRoleAssignmentsState | None, held: Mapping[str, Assignment], sizes: Mapping[str, int]
) -> dict[str, int]:
    """Name the groups that had members when last applied and have none now, with how many they had.

    Args:
        old: The state with the numbers as last applied.
        held: The assignments, by name.
        sizes: The numbers now, by object id.
    """
    before = {} if old is None else old.group_sizes
    return {
        name: before[item.principal_id]
        for name, item in held.items()
        if sizes.get(item.principal_id) == 0 and before.get(item.principal_id, 0) > 0
    }


def warnings_of(found: Mapping[str, Principal]) -> list[str]:
    """Give what was odd about principals when they were looked up."""
    return [warning for principal in found.values() for warning in principal.warnings]


def lasting_warnings(old: AppRoleAssignmentsState | None, names: Mapping[str, Any]) -> list[str]:
    """Give those of a state's warnings that are about these names."""
    if old is None or not old.warnings:
        return []
    starts = tuple(start for name in names for start in (f"user {name} ", f'group "{name}" '))
    return [warning for warning in old.warnings if warning.startswith(starts)]
