"""Waits that the engine can cancel. Must not know what is waited for."""

import asyncio

from kzero_sandbox.azuread.errors import Cancelled


class Pauses:
    """All waits of the plugin: polling after a change, and pauses before a retry."""

    def __init__(self) -> None:
        """Start without a cancellation."""
        self._cancelled = asyncio.Event()

    async def pause(self, seconds: float) -> None:
        """Wait this many seconds.

        Raises:
            Cancelled: The engine cancelled during the wait.
        """
        cancelled = self._cancelled
        try:
            async with asyncio.timeout(seconds):
                await cancelled.wait()
        except TimeoutError:
            return
        message = "cancelled by the engine while waiting for Microsoft Graph"
        raise Cancelled(message)

    def cancel(self) -> None:
        """Cancel all current waits.

        Later waits are not affected: an attached plugin outlives the run in which the engine cancelled.
        """
        self._cancelled.set()
        self._cancelled = asyncio.Event()
