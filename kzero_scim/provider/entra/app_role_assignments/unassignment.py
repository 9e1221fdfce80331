"""Who loses access when assignments are removed, and the guard that lets many of them lose it only if confirmed.

Entra disables a user in KZero who leaves the scope:
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
"""Names that a line of the preview lists."""
_LONGEST_ERROR: Final = 100
"""Names that the guard's error lists."""
_ACTION: Final = "unassign"


@dataclass(frozen=True)
class Limits:
    """How many users may lose access in one run without a confirmation; the larger of the two counts.

    Attributes:
        users: A number of users.
        share: A share of all who have access, in percent.
    """

    users: int
    share: int

    def allowed(self, of: int) -> int:
        """Give the number of users for a tenant in which ``of`` users have access."""
        return max(self.users, of * self.share // 100)


@dataclass(frozen=True)
class Held:
    """One assignment: whose it is, and the name under which people know the user or group."""

    principal_id: str
    kind: str
    name: str


@dataclass(frozen=True)
class Loss:
    """Who would lose access.

    Attributes:
        users: Their names.
        of: How many users have access now.
        members: Members of groups who are counted but not named: size by the group's name.
        emptied: Groups that stay assigned and have lost all members since the last update: former size by name.
        notes: What the count leaves open, to stand behind it.
    """

    users: Sequence[str] = ()
    of: int = 0
    members: Mapping[str, int] = field(default_factory=dict)
    emptied: Mapping[str, int] = field(default_factory=dict)
    notes: str = ""

    @property
    def count(self) -> int:
        """How many users."""
        return len(self.users) + sum(self.members.values()) + sum(self.emptied.values())

    def described(self, longest: int = LONGEST_NOTE) -> str:
        """Say it: ``3 users lose access: a, b, c``; ``""`` if nobody does."""
        if not self.count:
            return ""
        who = "1 user loses access" if self.count == 1 else f"{self.count} users lose access"
        return f"{who}: {self._listed(longest)}{self.notes}"

    def _listed(self, longest: int) -> str:
        parts = [listed(self.users, longest)] if self.users else []
        parts += [f'the {size} of group "{name}"' for name, size in self.members.items()]
        parts += [f'the {size} of group "{name}", which is empty now' for name, size in self.emptied.items()]
        return ", ".join(parts)


async def find_loss(
    graph: GraphClient, leaving: Sequence[Held], staying: Sequence[Held], sizes: Mapping[str, int]
) -> Loss:
    """Find out who loses access; asks Graph only if a group is among those who leave.

    Args:
        graph: The tenant.
        leaving: Assignments that are removed.
        staying: Assignments that are kept or made.
        sizes: Numbers of members of groups, by object id, as far as they are known.
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
        notes = " (whoever is a member of an assigned group keeps it)"
        total += sum(sizes.get(group, 0) for group in others)
    gone = sorted(name for key, name in losers.items() if key not in safe)
    return Loss(gone, total, notes=notes)


def whole_loss(held: Collection[Held], sizes: Mapping[str, int]) -> Loss:
    """Describe the loss of everything, from what is known; asks nothing.

    Args:
        held: All assignments.
        sizes: Numbers of members of groups, by object id; a group that was never counted counts as one user.
    """
    users = sorted(item.name for item in held if item.kind == "User")
    members = {item.name: sizes.get(item.principal_id, 1) for item in held if item.kind == "Group"}
    return Loss(users, len(users) + sum(members.values()), members=members)


def exceeds(loss: Loss, limits: Limits) -> bool:
    """Tell whether a loss needs a confirmation that this run does not have."""
    too_many = loss.count > limits.allowed(loss.of) or bool(loss.emptied)
    return too_many and not is_confirmed(_ACTION, str(loss.count))


def require_confirmation(loss: Loss, limits: Limits, why: str = "") -> None:
    """Refuse a loss that is too large, unless it is confirmed for this run.

    Args:
        loss: Who would lose access.
        limits: What needs no confirmation.
        why: What brings it about, to stand before it.

    Raises:
        ProviderError: It is too large; names who, and how to confirm it.
    """
    if not exceeds(loss, limits):
        return
    reason = ""
    if loss.count > limits.allowed(loss.of):
        reason = (
            f"; without a confirmation {limits.allowed(loss.of)} of {loss.of} may "
            f"(unassignMaxUsers {limits.users}, unassignMaxShare {limits.share} %)"
        )
    message = f"{why}{loss.described(_LONGEST_ERROR)}{reason}; nothing was changed; {confirmation(loss)}"
    raise ProviderError(message)


def confirmation(loss: Loss) -> str:
    """Say how to confirm a loss."""
    return how_to_confirm(_ACTION, str(loss.count))
