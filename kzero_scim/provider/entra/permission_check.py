"""Checks in a preview whether the signed-in application has the permissions of Microsoft Graph that it needs.

Reads the token's claims, so it needs no request. It does not check accounts that have a directory role instead.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kzero_scim.errors import ProviderError

if TYPE_CHECKING:
    from kzero_scim.clients.graph.client import GraphClient


@dataclass(frozen=True)
class Need:
    """An action that needs a permission.

    Attributes:
        purpose: The action, to follow "to".
        accepted: Application permissions, of which one is enough. The least powerful comes first.
    """

    purpose: str
    accepted: tuple[str, ...]


_WRITE: Final = ("Application.ReadWrite.OwnedBy", "Application.ReadWrite.All", "Directory.ReadWrite.All")
CREATE_APPLICATION: Final = Need("create the enterprise application", _WRITE)
SET_UP_JOB: Final = Need("set up its provisioning job", (*_WRITE, "Synchronization.ReadWrite.All"))
ASSIGN: Final = Need("assign users and groups", ("AppRoleAssignment.ReadWrite.All",))
READ_ASSIGNMENTS: Final = Need(
    "read who is assigned",
    ("Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"),
)


async def require_permissions(graph: GraphClient, *needs: Need) -> None:
    """Raise an error if the signed-in application lacks a permission.

    Args:
        graph: The client that signs in.
        needs: The actions to come.

    Raises:
        GraphError: The sign-in failed.
        ProviderError: Permissions are missing. The message lists all of them.
    """
    granted = await graph.granted_permissions()
    if granted is None:
        return
    missing = [f"{need.accepted[0]} (to {need.purpose})" for need in needs if not granted & set(need.accepted)]
    if missing:
        message = (
            "the application that signs in to Entra lacks the Microsoft Graph application permission "
            f"{' and '.join(missing)}. Nothing was changed; grant it with admin consent, wait a minute, then try again"
        )
        raise ProviderError(message)
