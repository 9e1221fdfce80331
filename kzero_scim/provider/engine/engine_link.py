"""The way back to the engine: lines below a resource in its display."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import grpc.aio
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from kzero_scim.display import plain

if TYPE_CHECKING:
    from kzero_scim.redaction import Redactor


class EngineLink:
    """The connection to the engine that this provider works for.

    Args:
        address: Where it listens; ``""`` if that is not known yet.
        redactor: Keeps secrets out of the lines.
    """

    def __init__(self, address: str, redactor: Redactor) -> None:
        """Connect when the first line is due."""
        self._address = address
        self._redactor = redactor
        self._channel: grpc.aio.Channel | None = None

    async def meet(self, address: str) -> None:
        """Turn to the engine at another address, if one is given."""
        if address and address != self._address:
            await self.aclose()
            self._address = address

    async def tell(
        self, severity: engine_pb2.LogSeverity.ValueType, urn: str, message: str, *, ephemeral: bool = False
    ) -> None:
        """Show a line below a resource; without an engine it is dropped."""
        if not self._address:
            return
        if self._channel is None:
            self._channel = grpc.aio.insecure_channel(self._address)
        text = self._redactor.redact(plain(self._redactor.redact(message)))
        line = engine_pb2.LogRequest(severity=severity, urn=urn, message=text, ephemeral=ephemeral)
        # An engine that is going away takes no more lines, and an operation must not fail for that.
        with contextlib.suppress(grpc.aio.AioRpcError):
            await engine_pb2_grpc.EngineStub(self._channel).Log(line)

    async def aclose(self) -> None:
        """Close the connection."""
        if self._channel is not None:
            await self._channel.close()
            self._channel = None


class EngineLog:
    """Lines below one resource in the engine's display."""

    def __init__(self, link: EngineLink, urn: str) -> None:
        """Remember whose lines they are."""
        self._link = link
        self._urn = urn

    async def debug(self, message: str) -> None:
        """Shown with --debug only."""
        await self._link.tell(engine_pb2.DEBUG, self._urn, message)

    async def info(self, message: str) -> None:
        """A note that stays."""
        await self._link.tell(engine_pb2.INFO, self._urn, message)

    async def status(self, message: str) -> None:
        """What is being done right now; the display replaces it."""
        await self._link.tell(engine_pb2.INFO, self._urn, message, ephemeral=True)

    async def warning(self, message: str) -> None:
        """Something the operator should look at."""
        await self._link.tell(engine_pb2.WARNING, self._urn, message)
