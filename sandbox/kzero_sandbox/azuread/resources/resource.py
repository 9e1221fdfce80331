"""The interface of all resources of the stand-in, and the wait that they share. Must not know any of them."""

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import ClassVar, Final, Protocol

from kzero_sandbox.azuread.graph import Graph
from kzero_sandbox.azuread.pauses import Pauses
from kzero_sandbox.azuread.properties import Property, Values

TEN_MINUTES: Final = 600
FIVE_MINUTES: Final = 300

POLLS: Final = 5
"""How often in a row the official plugin must see a change (`internal/helpers/consistency`)."""

POLL_SECONDS: Final = "AZUREAD_STANDIN_POLL_SECONDS"
"""The environment variable for the seconds between two polls; the official plugin always waits 5."""


class Resource(Protocol):
    """A type of resource.

    States and inputs are plain values by their name in Pulumi. The provider handles `id`, `__meta` and similar entries.
    """

    token: ClassVar[str]
    schema_version: ClassVar[int]
    timeouts: ClassVar[Mapping[str, int]]
    properties: ClassVar[tuple[Property, ...]]

    async def create(self, graph: Graph, pauses: Pauses, inputs: Values) -> str:
        """Create the resource and return its id."""
        ...

    async def read(self, graph: Graph, resource_id: str) -> Values | None:
        """Return what Graph knows of the resource, or None if it does not exist."""
        ...

    async def update(self, graph: Graph, resource_id: str, state: Values, inputs: Values) -> None:
        """Change the resource to match the inputs."""
        ...

    async def delete(self, graph: Graph, pauses: Pauses, resource_id: str, state: Values) -> None:
        """Delete the resource."""
        ...


async def settled(pauses: Pauses, seen: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a change was seen five times in a row, as the official plugin does. Takes at least 20 seconds."""
    seconds = float(os.environ.get(POLL_SECONDS) or 5)
    streak = 0
    while True:
        streak = streak + 1 if await seen() else 0
        if streak == POLLS:
            return
        await pauses.pause(seconds)
