"""The face that every resource of the stand-in shows, and the wait that they share."""

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import ClassVar, Final, Protocol

from kzero_sandbox.azuread.graph import Graph
from kzero_sandbox.azuread.pauses import Pauses
from kzero_sandbox.azuread.properties import Property, Values

TEN_MINUTES: Final = 600
FIVE_MINUTES: Final = 300

POLLS: Final = 5
"""How often in a row the official plugin wants to see a change (`internal/helpers/consistency`)."""

POLL_SECONDS: Final = "AZUREAD_STANDIN_POLL_SECONDS"
"""The environment variable with the seconds between two polls; the official plugin's are 5 and fixed."""


class Resource(Protocol):
    """A kind of resource.

    States and inputs are plain values by their name in Pulumi. `id`, `__meta` and the like are not the resource's
    business.
    """

    token: ClassVar[str]
    schema_version: ClassVar[int]
    timeouts: ClassVar[Mapping[str, int]]
    properties: ClassVar[tuple[Property, ...]]

    async def create(self, graph: Graph, pauses: Pauses, inputs: Values) -> str:
        """Create it and return its id."""
        ...

    async def read(self, graph: Graph, resource_id: str) -> Values | None:
        """Read what Graph knows of it; None when it is gone."""
        ...

    async def update(self, graph: Graph, resource_id: str, state: Values, inputs: Values) -> None:
        """Change it to what the inputs say."""
        ...

    async def delete(self, graph: Graph, pauses: Pauses, resource_id: str, state: Values) -> None:
        """Delete it."""
        ...


async def settled(pauses: Pauses, seen: Callable[[], Awaitable[bool]]) -> None:
    """Wait until a change was seen five times in a row, as the official plugin does: 20 seconds at least."""
    seconds = float(os.environ.get(POLL_SECONDS) or 5)
    streak = 0
    while True:
        streak = streak + 1 if await seen() else 0
        if streak == POLLS:
            return
        await pauses.pause(seconds)
