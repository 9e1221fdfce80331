"""Compares the permissions of Microsoft Graph in the token with those that an action needs.

Reads the token's claims, so it needs no request. It does not judge accounts that have a directory role instead, and no
token that only Microsoft Graph can read: their permissions are unknown, and Microsoft Graph decides.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from kzero_scim.errors import MissingRightError

if TYPE_CHECKING:
    from kzero_scim.clients.graph.client import GraphClient
    from kzero_scim.resource.model import Call


@dataclass(frozen=True)
class Need:
    """An action that needs a permission.

    Attributes:
        purpose: The action, to follow "to".
        accepted: Application permissions, of which one is enough. The least powerful comes first.
    """

    purpose: str
    accepted: tuple[str, ...]


_APPLICATIONS: Final = ("Application.ReadWrite.OwnedBy", "Application.ReadWrite.All", "Directory.ReadWrite.All")
_SYNCHRONIZATION: Final = (*_APPLICATIONS, "Synchronization.ReadWrite.All")
CREATE_APPLICATION: Final = Need("create the enterprise application", _APPLICATIONS)
SET_UP_JOB: Final = Need("set up its provisioning job", _SYNCHRONIZATION)
SET_CREDENTIALS: Final = Need("set the Tenant URL and credentials of provisioning", _SYNCHRONIZATION)
CHANGE_MAPPINGS: Final = Need("change attribute mappings", _SYNCHRONIZATION)
PARSE_EXPRESSIONS: Final = Need("have Entra parse expressions", _SYNCHRONIZATION)
TEST_CONNECTION: Final = Need("have Entra test the connection", _SYNCHRONIZATION)
RUN_JOB: Final = Need("start, pause or restart provisioning", _SYNCHRONIZATION)
PROVISION_ON_DEMAND: Final = Need("provision the test user on demand", _SYNCHRONIZATION)
ASSIGN: Final = Need("assign users and groups", ("AppRoleAssignment.ReadWrite.All",))
READ_ASSIGNMENTS: Final = Need(
    "read who is assigned",
    ("Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"),
)


async def missing_permissions(graph: GraphClient, *needs: Need) -> list[Need]:
    """Return the needs whose permission the signed-in application lacks; none if its permissions are unknown.

    Args:
        graph: The client that signs in.
        needs: The actions to come.

    Raises:
        GraphError: The sign-in failed.
    """
    granted = await graph.granted_permissions()
    return [] if granted is None else [need for need in needs if not granted & set(need.accepted)]


def in_words(needs: list[Need]) -> str:
    """Return needs as permissions with their purposes, each permission once."""
    purposes: dict[str, list[str]] = {}
    for need in needs:
        purposes.setdefault(need.accepted[0], []).append(need.purpose)
    return " and ".join(f"{name} (to {', and to '.join(found)})" for name, found in purposes.items())


async def require_permissions(graph: GraphClient, *needs: Need) -> None:
    """Raise an error if the signed-in application lacks a permission.

    Args:
        graph: The client that signs in.
        needs: The actions to come.

    Raises:
        GraphError: The sign-in failed.
        MissingRightError: Permissions are missing. The message lists all of them.
    """
    if missing := await missing_permissions(graph, *needs):
        message = (
            "the application that signs in to Entra lacks the Microsoft Graph application permission "
            f"{in_words(missing)}. No request was sent; grant it with admin consent, wait a minute, then try again"
        )
        raise MissingRightError(message)


async def warn_of_permissions(call: Call, graph: GraphClient, *needs: Need) -> None:
    """Warn in a preview if the signed-in application lacks a permission that the update will need.

    Args:
        call: The request of the preview.
        graph: The client that signs in.
        needs: The actions of the update.

    Raises:
        GraphError: The sign-in failed.
    """
    if missing := await missing_permissions(graph, *needs):
        message = (
            f"`pulumi up` needs the Microsoft Graph application permission {in_words(missing)}, which the application "
            "that signs in to Entra lacks. This preview works without it; grant it with admin consent to the "
            "application that signs in for `pulumi up`"
        )
        await call.log.warning(message)
