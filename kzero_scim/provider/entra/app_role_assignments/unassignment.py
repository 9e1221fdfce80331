"""Finds which users lose access when assignments are removed, and refuses a large loss without a confirmation.

Entra disables a user in KZero when the user leaves the scope:
https://learn.microsoft.com/entra/identity/app-provisioning/how-provisioning-works
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from kzero_scim.display import listed
from kzero_scim.errors import ProviderError
from kzero_scim.provider.directory.group_members import user_members
from kzero_scim.settings.confirmations import how_to_confirm, is_confirmed

if TYPE_CHECKING:
    from kzero_scim.clients.graph.client import GraphClient

LONGEST_NOTE: Final = 20
"""Names in one line of a preview."""
_LONGEST_ERROR: Final = 100
"""Names in an error."""
_ACTION: Final = "unassign"


@dataclass(frozen=True)
class Limits:
    """How many users may lose access in one run without a confirmation. The larger limit applies.

    Attributes:
        users: A number of users.
        share: A percentage of the users who have access.
    """

    users: int
    share: int

    def allowed(self, of: int) -> int:
        """Return how many users may lose access if ``of`` users have it."""
        return max(self.users, of * self.share // 100)


@dataclass(frozen=True)
class Held:
    """One assignment, with the name that people use for the user or group."""

    principal_id: str
    kind: str
    name: str


@dataclass(frozen=True)
class Loss:
    """The users who would lose access.

    Attributes:
        users: Names of users.
        of: How many users have access now.
        members: Groups whose members are counted but not named: size by the group's name.
        emptied: Groups that stay assigned but have lost all members since the last update: former size by name.
        uncounted: Groups that may lose access and whose members could not be counted. Any such group needs a
            confirmation.
        notes: What the count does not include, to append to the description.
    """

    users: Sequence[str] = ()
    of: int = 0
    members: Mapping[str, int] = field(default_factory=dict)
    emptied: Mapping[str, int] = field(default_factory=dict)
    uncounted: Sequence[str] = ()
    notes: str = ""

    @property
    def count(self) -> int:
        """The number of users who would lose access, without members of uncounted groups."""
        return len(self.users) + sum(self.members.values()) + sum(self.emptied.values())

    @property
    def confirmed_by(self) -> str:
        """What a confirmation must name: the number of users, and whether further ones are uncounted."""
        return f"{self.count}+unknown" if self.uncounted else str(self.count)

    def described(self, longest: int = LONGEST_NOTE) -> str:
        """Return the loss in words, such as ``3 users would lose access: a, b, c``, or ``""`` for no loss."""
        if not self.count and not self.uncounted:
            return ""
        users = "1 user" if self.count == 1 else f"{self.count} users"
        if self.uncounted:
            users = f"{users} and an unknown number of others" if self.count else "an unknown number of users"
        return f"{users} would lose access: {self._listed(longest)}{self.notes}"

    def _listed(self, longest: int) -> str:
        parts = [listed(self.users, longest)] if self.users else []
        parts += [f'{_members(size)} of group "{name}"' for name, size in self.members.items()]
        parts += [f'{_members(size)} of group "{name}", which is empty now' for name, size in self.emptied.items()]
        parts += [f'group "{name}", whose members could not be counted' for name in self.uncounted]
        return ", ".join(parts)


async def find_loss(
    graph: GraphClient, leaving: Sequence[Held], staying: Sequence[Held], sizes: Mapping[str, int]
) -> Loss:
    """Return which users lose access. Asks Graph only if a group loses its assignment.

    Args:
        graph: Microsoft Graph of the tenant.
        leaving: Assignments that are removed.
        staying: Assignments that are kept or created.
        sizes: Number of members by group object ID, where known.
    """
    losers = {item.principal_id: item.name for item in leaving if item.kind == "User"}
    safe = {item.principal_id for item in staying if item.kind == "User"}
    total = len(losers.keys() | safe)
    groups = [item.principal_id for item in leaving if item.kind == "Group"]
    others = [item.principal_id for item in staying if item.kind == "Group"]
    notes = ""
    if groups:
        members = await user_members(graph, groups)
        for users in members.values():
            losers |= {key: name for key, name in users.items() if key not in losers}
        kept = await user_members(graph, others) if losers.keys() - safe else {}
        safe |= {key for users in kept.values() for key in users}
        total = len(losers.keys() | safe)
    elif losers and others:
        notes = " (members of an assigned group keep access)"
        total += sum(sizes.get(group, 0) for group in others)
    gone = sorted(name for key, name in losers.items() if key not in safe)
    return Loss(gone, total, notes=notes)


def whole_loss(held: Collection[Held], sizes: Mapping[str, int]) -> Loss:
    """Return the loss if all assignments are removed. Asks no service.

    Args:
        held: All assignments.
        sizes: Number of members by group object ID. A group without a number is uncounted.
    """
    users = sorted(item.name for item in held if item.kind == "User")
    groups = [item for item in held if item.kind == "Group"]
    members = {item.name: sizes[item.principal_id] for item in groups if item.principal_id in sizes}
    uncounted = [item.name for item in groups if item.principal_id not in sizes]
    return Loss(users, len(users) + sum(members.values()), members=members, uncounted=uncounted)


def exceeds(loss: Loss, limits: Limits) -> bool:
    """Return whether a loss needs a confirmation that this run does not have."""
    too_many = loss.count > limits.allowed(loss.of) or bool(loss.emptied or loss.uncounted)
    return too_many and not is_confirmed(_ACTION, loss.confirmed_by)


def require_confirmation(loss: Loss, limits: Limits, why: str = "") -> None:
    """Refuse a loss that is too large, unless this run confirms it.

    Args:
        loss: The users who would lose access.
        limits: The loss that needs no confirmation.
        why: The cause of the loss; the error starts with it.

    Raises:
        ProviderError: The loss is too large. The message lists the users and says how to confirm.
    """
    if not exceeds(loss, limits):
        return
    reason = ""
    if loss.count > limits.allowed(loss.of):
        reason = (
            f". Without a confirmation, at most {limits.allowed(loss.of)} of {loss.of} users may "
            f"(unassignMaxUsers {limits.users}, unassignMaxShare {limits.share} %)"
        )
    message = f"{why}{loss.described(_LONGEST_ERROR)}{reason}. Nothing was changed; {confirmation(loss)}"
    raise ProviderError(message)


def confirmation(loss: Loss) -> str:
    """Return the instruction that confirms a loss."""
    return how_to_confirm(_ACTION, loss.confirmed_by)


def _members(size: int) -> str:
    return "1 member" if size == 1 else f"{size} members"
