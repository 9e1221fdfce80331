"""What an application lacks of Microsoft Graph's permissions, told at a preview, before anything is made.

Reads the token's claims, so that it costs no request. Whoever signs in with a directory role instead is not judged.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kzero_scim.errors import ProviderError

if TYPE_CHECKING:
    from kzero_scim.clients.graph.client import GraphClient


@dataclass(frozen=True)
class Need:
    """Something that takes a permission.

    Attributes:
        purpose: What it is, to follow "to".
        accepted: The application permissions of which any one is enough, the least first.
    """

    purpose: str
    accepted: tuple[str, ...]


_WRITE: Final = ("Application.ReadWrite.OwnedBy", "Application.ReadWrite.All", "Directory.ReadWrite.All")
CREATE_APPLICATION: Final = Need("create the enterprise application", _WRITE)
SET_UP_JOB: Final = Need("set its provisioning job up", (*_WRITE, "Synchronization.ReadWrite.All"))
ASSIGN: Final = Need("assign users and groups", ("AppRoleAssignment.ReadWrite.All",))
READ_ASSIGNMENTS: Final = Need(
    "read who is assigned",
    ("Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"),
)


async def require_permissions(graph: GraphClient, *needs: Need) -> None:
    """Refuse to go on without a permission.

    Args:
        graph: Who signs in.
        needs: What is going to be done.

    Raises:
        GraphError: The sign-in failed.
        ProviderError: Permissions are missing; all of them are named.
    """
    granted = await graph.granted_permissions()
    if granted is None:
        return
    missing = [f"{need.accepted[0]} (to {need.purpose})" for need in needs if not granted & set(need.accepted)]
    if missing:
        message = (
            f"the application that signs in to Entra lacks the application permission {' and '.join(missing)} of "
            "Microsoft Graph, nothing was changed; grant it with admin consent, wait a minute, and try again"
        )
        raise ProviderError(message)
