"""Waiting that the engine can cut short."""

import asyncio

from kzero_sandbox.azuread.errors import Cancelled


class Pauses:
    """Every wait of the plugin goes through here: polls after a change, and pauses before a request is repeated."""

    def __init__(self) -> None:
        """Start with nothing cancelled."""
        self._cancelled = asyncio.Event()

    async def pause(self, seconds: float) -> None:
        """Wait.

        Raises:
            Cancelled: The engine cancelled meanwhile.
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
        """End all present waits.

        Later ones are not touched: an attached plugin outlives the engine's run that cancelled it.
        """
        self._cancelled.set()
        self._cancelled = asyncio.Event()
