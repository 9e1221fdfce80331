"""Reads objects of Microsoft Graph whose absence matters: present, absent or unknown. Knows no resource."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar, assert_never

from kzero_scim.clients.graph.client import segment
from kzero_scim.errors import GraphError
from kzero_scim.resource.reading import Absent, Present, Reading, Unknown, observed

if TYPE_CHECKING:
    from kzero_scim.clients.graph.client import GraphClient, Parameters

T = TypeVar("T")


@observed
async def look_up(graph: GraphClient, path: str, params: Parameters | None = None) -> Reading[dict[str, Any]]:
    """GET an object by its own address. It is absent only if Graph says so about this address.

    Args:
        graph: Microsoft Graph of the tenant.
        path: Relative to ``/v1.0``, percent-encoded.
        params: The query.
    """
    try:
        return Present(await graph.get(path, params))
    except GraphError as error:
        if error.is_missing:
            return Absent()
        raise


@observed
async def look_up_part(graph: GraphClient, owner: str, request: Callable[[], Awaitable[T]]) -> Reading[T]:
    """Read something inside an object. It is absent only with the object.

    A part can answer 404 although its owner exists: a page of a list that fails midway, or a replica that is behind.

    Args:
        graph: Microsoft Graph of the tenant.
        owner: The object's own address.
        request: Reads the part.
    """
    try:
        return Present(await request())
    except GraphError as error:
        if not error.is_missing:
            raise
        failed = error
    match await look_up(graph, owner):
        case Absent():
            return Absent()
        case Present():
            return Unknown(str(failed), failed)
        case Unknown() as unknown:
            return unknown
        case never:
            assert_never(never)


async def require_gone(graph: GraphClient, owner: str, error: GraphError) -> None:
    """Accept the failed deletion of a part if its owner was deleted, and the part with it.

    Raises:
        GraphError: The given error, if the owner exists or if that is unknown.
    """
    if not (error.is_missing and isinstance(await look_up(graph, owner), Absent)):
        raise error


def principal_path(service_principal_id: str) -> str:
    """Return the address of a service principal."""
    return f"/servicePrincipals/{segment(service_principal_id)}"
