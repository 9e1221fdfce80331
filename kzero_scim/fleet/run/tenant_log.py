"""A tenant's log file: what the engine printed for it, secrets blotted out, written as it comes."""

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
"""Names of environment variables whose values are taken for secrets."""


class TenantLog:
    """Writes a tenant's log, which only its owner may read.

    Args:
        file: Where; what is there from the last run is replaced.
        environment: The tenant's: the secrets in it are known from the start.
    """

    def __init__(self, file: Path, environment: Mapping[str, str]) -> None:
        """Begin the file."""
        self._redactor = Redactor()
        for name, value in environment.items():
            self.learn(value if _SECRET_NAME.search(name) else _password_in(value))
        file.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileNotFoundError):
            file.unlink()
        self._file = os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8")

    def learn(self, secret: str) -> None:
        """Blot out this text from here on."""
        self._redactor.learn(secret)

    def redact(self, text: str) -> str:
        """Give a text without the tenant's secrets."""
        return self._redactor.redact(text)

    def write(self, line: str) -> None:
        """Add one line, with the time."""
        now = datetime.now(UTC).strftime("%H:%M:%S")
        self._file.write(f"{now} {plain(self.redact(line))}\n")
        self._file.flush()

    def __enter__(self) -> Self:
        """Write until the block ends."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        """Close the file."""
        self._file.close()


def _password_in(value: str) -> str:
    """Give the password in an address, as that of a database may hold one; "" if there is none."""
    try:
        return urlsplit(value).password or "" if "://" in value else ""
    except ValueError:
        return ""
