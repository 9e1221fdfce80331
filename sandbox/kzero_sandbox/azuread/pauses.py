"""Waits that end with the process. Must not know what is waited for."""

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
            Cancelled: The plugin is ending.
        """
        cancelled = self._cancelled
        try:
            async with asyncio.timeout(seconds):
                await cancelled.wait()
        except TimeoutError:
            return
        message = "the plugin ends while it waits for Microsoft Graph"
        raise Cancelled(message)

    def cancel(self) -> None:
        """Cancel all waits."""
        self._cancelled.set()
