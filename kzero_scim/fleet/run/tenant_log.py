"""Writes a tenant's log file: the engine's output without secrets, line by line."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from kzero_scim.display import plain
from kzero_scim.redaction import Redactor


class TenantLog:
    """Writes a tenant's log, which only its owner may read.

    Args:
        file: The log file. It replaces the last run's.
        redactor: The tenant's.
    """

    def __init__(self, file: Path, redactor: Redactor) -> None:
        """Create the file."""
        self._redactor = redactor
        file.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            file.unlink()
        self._file = os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8")

    def write(self, line: str) -> None:
        """Write one line, with the time."""
        now = datetime.now(UTC).strftime("%H:%M:%S")
        self._file.write(f"{now} {plain(self._redactor.redact(line))}\n")
        self._file.flush()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Close the file."""
        self._file.close()
