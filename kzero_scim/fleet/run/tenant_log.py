"""Writes a tenant's log file: the engine's output without secrets, line by line."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from kzero_scim.display import plain
from kzero_scim.redaction import Redactor

_SECRET_NAME: Final = re.compile(r"SECRET|PASSWORD|PASSPHRASE|TOKEN|_KEY$|_SAS$|CREDENTIAL", re.IGNORECASE)
"""Names of environment variables whose values count as secrets."""


class TenantLog:
    """Writes a tenant's log, which only its owner may read.

    Args:
        file: The log file. It replaces the last run's.
        environment: The tenant's environment, whose secrets are redacted from the start.
    """

    def __init__(self, file: Path, environment: Mapping[str, str]) -> None:
        """Create the file."""
        self._redactor = Redactor()
        for name, value in environment.items():
            self.learn(value if _SECRET_NAME.search(name) else _password_in(value))
        file.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            file.unlink()
        self._file = os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8")

    def learn(self, secret: str) -> None:
        """Redact this text from now on."""
        self._redactor.learn(secret)

    def redact(self, text: str) -> str:
        """Return a text without the tenant's secrets."""
        return self._redactor.redact(text)

    def write(self, line: str) -> None:
        """Write one line, with the time."""
        now = datetime.now(UTC).strftime("%H:%M:%S")
        self._file.write(f"{now} {plain(self.redact(line))}\n")
        self._file.flush()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Close the file."""
        self._file.close()


def _password_in(value: str) -> str:
    """Return the password in a URL, for example a database's; "" if it has none."""
    try:
        return urlsplit(value).password or "" if "://" in value else ""
    except ValueError:
        return ""
