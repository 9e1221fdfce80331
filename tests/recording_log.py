"""What resources tell the operator, collected for a test to look at."""

from __future__ import annotations


class RecordingLog:
    """Collects what the operator is told."""

    def __init__(self) -> None:
        """Hear nothing yet."""
        self.lines: list[tuple[str, str]] = []

    async def debug(self, message: str) -> None:
        """Collect."""
        self.lines.append(("debug", message))

    async def info(self, message: str) -> None:
        """Collect."""
        self.lines.append(("info", message))

    async def status(self, message: str) -> None:
        """Collect."""
        self.lines.append(("status", message))

    async def warning(self, message: str) -> None:
        """Collect."""
        self.lines.append(("warning", message))
