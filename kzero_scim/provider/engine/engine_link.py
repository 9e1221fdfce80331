"""Sends log lines to the engine, which shows them below a resource. Knows no resource."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import grpc.aio
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc

from kzero_scim.display import plain

if TYPE_CHECKING:
    from kzero_scim.redaction import Redactor


class EngineLink:
    """The connection to the engine.

    Args:
        address: The engine's address; ``""`` if it is not known yet.
        redactor: Removes secrets from the lines.
    """

    def __init__(self, address: str, redactor: Redactor) -> None:
        """Prepare. The first line opens the connection."""
        self._address = address
        self._redactor = redactor
        self._channel: grpc.aio.Channel | None = None

    async def meet(self, address: str) -> None:
        """Switch to the engine at another address, if one is given."""
        if address and address != self._address:
            await self.aclose()
            self._address = address

    async def tell(
        self, severity: engine_pb2.LogSeverity.ValueType, urn: str, message: str, *, ephemeral: bool = False
    ) -> None:
        """Show a line below a resource, or drop it without an engine."""
        if not self._address:
            return
        if self._channel is None:
            self._channel = grpc.aio.insecure_channel(self._address)
        text = self._redactor.redact(plain(self._redactor.line(message)))
        line = engine_pb2.LogRequest(severity=severity, urn=urn, message=text, ephemeral=ephemeral)
        # A stopping engine accepts no lines. That must not fail an operation.
        with contextlib.suppress(grpc.aio.AioRpcError):
            await engine_pb2_grpc.EngineStub(self._channel).Log(line)

    async def aclose(self) -> None:
        """Close the connection."""
        if self._channel is not None:
            await self._channel.close()
            self._channel = None


class EngineLog:
    """Log lines of one resource."""

    def __init__(self, link: EngineLink, urn: str) -> None:
        """Store the resource's URN."""
        self._link = link
        self._urn = urn

    async def debug(self, message: str) -> None:
        """Log a line that is shown only with --debug."""
        await self._link.tell(engine_pb2.DEBUG, self._urn, message)

    async def info(self, message: str) -> None:
        """Log a note."""
        await self._link.tell(engine_pb2.INFO, self._urn, message)

    async def status(self, message: str) -> None:
        """Log the current action. The next line replaces it."""
        await self._link.tell(engine_pb2.INFO, self._urn, message, ephemeral=True)

    async def warning(self, message: str) -> None:
        """Log something that the operator should check."""
        await self._link.tell(engine_pb2.WARNING, self._urn, message)
