"""Records what resources report to the operator, so that a test can check it."""

from __future__ import annotations


class RecordingLog:
    """Records messages."""

    def __init__(self) -> None:
        """Start without messages."""
        self.lines: list[tuple[str, str]] = []

    async def debug(self, message: str) -> None:
        """Record a debug message."""
        self.lines.append(("debug", message))

    async def info(self, message: str) -> None:
        """Record an info message."""
        self.lines.append(("info", message))

    async def status(self, message: str) -> None:
        """Record a status message."""
        self.lines.append(("status", message))

    async def warning(self, message: str) -> None:
        """Record a warning."""
        self.lines.append(("warning", message))
