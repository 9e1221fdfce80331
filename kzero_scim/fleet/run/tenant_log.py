"""Writes a tenant's log file: the engine's output without secrets, line by line."""

from __future__ import annotations

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from kzero_scim.display import plain
from kzero_scim.errors import SettingsError
from kzero_scim.redaction import Redactor


class TenantLog:
    """Writes a tenant's log, which only its owner may read.

    Args:
        file: The log file. It replaces the last run's.
        redactor: The tenant's.

    Attributes:
        problem: Why the log is incomplete, in one line; "" if it is complete.
    """

    def __init__(self, file: Path, redactor: Redactor) -> None:
        """Create the file.

        Raises:
            SettingsError: It cannot be created.
        """
        self._redactor = redactor
        self._name = file
        self.problem = ""
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                file.unlink()
            opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except OSError as error:
            message = (
                f"could not create the log {plain(str(file))}: {error.strerror or error}; make its folder writable. "
                "Nothing was run"
            )
            raise SettingsError(message) from None
        self._file = os.fdopen(opened, "w", encoding="utf-8")

    def write(self, line: str) -> None:
        """Write one line, with the time. A run continues if its log cannot be written."""
        now = datetime.now(UTC).strftime("%H:%M:%S")
        try:
            self._file.write(f"{now} {plain(self._redactor.redact(line))}\n")
            self._file.flush()
        except OSError as error:
            reason = error.strerror or str(error)
            self.problem = self.problem or f"the log {plain(str(self._name))} is incomplete: {reason}"

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Close the file. What could not be written was reported before."""
        with suppress(OSError):
            self._file.close()
