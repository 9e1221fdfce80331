"""Inputs and state of a set of assignments, and functions that derive a state. Asks no service."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Self

from kzero_scim.provider.directory.assignments import Assigned
from kzero_scim.provider.directory.name_lists import known
from kzero_scim.provider.directory.principals import Kind, Principal, same_group, same_user
from kzero_scim.resource.formats import fold_id, fold_ids, same_id
from kzero_scim.resource.model import UNKNOWN, Packed, inputs_of, prop
from kzero_scim.settings.confirmations import UNASSIGN_MAX_SHARE, UNASSIGN_MAX_USERS


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment(Packed):
    """One assignment, stored as ``User <object ID> <assignment ID>``."""

    principal_type: str = prop("User or Group.")
    principal_id: str = prop("Object ID of the user or group.")
    assignment_id: str = prop("ID of the assignment.")

    def __post_init__(self) -> None:
        """Write the object ID as Entra does."""
        fold_ids(self, "principal_id")

    def packed(self) -> Any:  # noqa: ANN401 - UNKNOWN too
        """Return the text, or UNKNOWN before the assignment exists."""
        parts = (self.principal_type, self.principal_id, self.assignment_id)
        return UNKNOWN if UNKNOWN in parts else " ".join(parts)

    @classmethod
    def unpacked(cls, text: str) -> Self | None:
        """Return the assignment that a text describes, or None if it has another form."""
        parts = text.split(" ")
        if len(parts) != len(fields(cls)):
            return None
        return cls(principal_type=parts[0], principal_id=parts[1], assignment_id=parts[2])


@dataclass(frozen=True, kw_only=True)
class AppRoleAssignmentsInputs:
    """The users and groups to assign."""

    service_principal_id: str = prop("Object ID of the enterprise application's service principal.", replace=True)
    users: list[str] = prop("User principal names or object IDs, in any order.", default_factory=list)
    groups: list[str] = prop("Unique display names or object IDs of groups, in any order.", default_factory=list)
    role_name: str = prop("Display name of the app role to assign.", default="User")
    exclusive: bool = prop("Whether to remove users and groups that were assigned outside this stack.", default=False)
    unassign_max_users: int = prop(
        "Users who may lose access in one update without a confirmation. The larger of unassignMaxUsers and "
        "unassignMaxShare applies.",
        default=UNASSIGN_MAX_USERS,
    )
    unassign_max_share: int = prop(
        "Percentage of the users with access who may lose it in one update without a confirmation.",
        default=UNASSIGN_MAX_SHARE,
    )


@dataclass(frozen=True, kw_only=True)
class AppRoleAssignmentsState(AppRoleAssignmentsInputs):
    """The users and groups that are assigned."""

    app_role_id: str = prop("ID of the app role.")
    assignments: dict[str, Assignment] = prop(
        "Assignments by the name used in users or groups. A value consists of `User` or `Group`, the object ID and the "
        "assignment's ID.",
        default_factory=dict,
    )
    unmanaged: list[str] = prop(
        "Display names of users and groups that were assigned outside this stack and keep their assignment.",
        default_factory=list,
    )
    warnings: list[str] = prop(
        "Problems with users and groups that were found when they were looked up.", default_factory=list
    )
    group_sizes: dict[str, int] = prop(
        "Number of users that were direct members of each group at the last update, by object ID.",
        default_factory=dict,
    )
    emptied_groups: list[str] = prop(
        "Groups that had members at the last update and have none now, according to the last refresh.",
        default_factory=list,
    )

    def __post_init__(self) -> None:
        """Write the IDs that are compared as Entra does, because another version may have stored them otherwise."""
        fold_ids(self, "app_role_id")
        if isinstance(self.group_sizes, dict):
            object.__setattr__(self, "group_sizes", {fold_id(key): size for key, size in self.group_sizes.items()})


def canonical(old: AppRoleAssignmentsState, kind: Kind) -> Callable[[str], str]:
    """Return a function that maps a name to its object ID if the state knows it, so that all spellings are equal."""
    same = same_user if kind == "User" else same_group
    held = {name: item.principal_id for name, item in old.assignments.items() if item.principal_type == kind}
    ids = {same(name): key for name, key in held.items()}
    # Another version ignored the case of groups' names, so that lists and assignments may spell a name differently.
    folded = {name.casefold(): key for name, key in held.items()}
    listed = old.users if kind == "User" else old.groups
    ids = {same(name): folded[name.casefold()] for name in listed if name.casefold() in folded} | ids
    return lambda name: ids.get(same(name), same(name))


def kept(old: AppRoleAssignmentsState | None, new: AppRoleAssignmentsInputs) -> dict[str, Assignment]:
    """Return the wanted assignments that the state already has, by the names that the program uses now."""
    if old is None:
        return {}
    found: dict[str, Assignment] = {}
    for kind, names in _lists(new):
        same = canonical(old, kind)
        by_id = {item.principal_id: item for item in old.assignments.values() if item.principal_type == kind}
        found |= {name: by_id[same(name)] for name in known(names) if name is not UNKNOWN and same(name) in by_id}
    return found


def _lists(inputs: AppRoleAssignmentsInputs) -> tuple[tuple[Kind, Any], tuple[Kind, Any]]:
    return ("User", inputs.users), ("Group", inputs.groups)


def existing_state(
    inputs: AppRoleAssignmentsInputs,
    role: str,
    names: Mapping[str, str],
    existing: Sequence[Assigned],
    sizes: Mapping[str, int],
) -> AppRoleAssignmentsState:
    """Return the state that describes the existing assignments. Names without an assignment are left out.

    Args:
        inputs: The wanted inputs.
        role: ID of the app role.
        names: Object IDs of the principals by name.
        existing: All assignments of the service principal.
        sizes: Number of members by group object ID.
    """
    by_principal = {item.principal_id: item for item in existing if same_id(item.role_id, role)}
    assignments = {
        name: Assignment(
            principal_id=item.principal_id,
            principal_type=item.kind,
            assignment_id=item.id,
        )
        for name, principal in names.items()
        if (item := by_principal.get(fold_id(principal))) is not None
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
    """Return a state after a refresh, with the groups that have lost all members.

    Group sizes stay as last applied, so that a group that gains or loses some members is not drift.
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
    """Return the groups that had members when last applied and have none now, with their former size.

    Args:
        old: The state with the group sizes as last applied.
        held: The assignments by name.
        sizes: The group sizes now, by object ID.
    """
    before = {} if old is None else old.group_sizes
    return {
        name: before[item.principal_id]
        for name, item in held.items()
        if sizes.get(item.principal_id) == 0 and before.get(item.principal_id, 0) > 0
    }


def uncounted(
    old: AppRoleAssignmentsState | None, held: Mapping[str, Assignment], sizes: Mapping[str, int]
) -> list[str]:
    """Return the groups that had members when last applied and could not be counted now, so they may be empty."""
    before = {} if old is None else old.group_sizes
    return [
        name for name, item in held.items() if item.principal_id not in sizes and before.get(item.principal_id, 0) > 0
    ]


def warnings_of(found: Mapping[str, Principal]) -> list[str]:
    """Return the warnings about principals."""
    return [warning for principal in found.values() for warning in principal.warnings]


def lasting_warnings(old: AppRoleAssignmentsState | None, names: Mapping[str, Any]) -> list[str]:
    """Return the warnings of a state that are about these names."""
    if old is None or not old.warnings:
        return []
    starts = tuple(start for name in names for start in (f"user {name} ", f'group "{name}" '))
    return [warning for warning in old.warnings if warning.startswith(starts)]
