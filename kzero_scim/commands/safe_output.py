"""Standard output and standard error of a command: no secret and no workflow command passes. Knows no command."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO, cast

from kzero_scim.display import without_commands
from kzero_scim.redaction import Redactor


class _SafeStream:
    """A text stream; what is written to it is redacted first.

    The last resort: a secret that a table breaks into lines is not found here, so results are redacted before.
    """

    def __init__(self, stream: TextIO, redactor: Redactor) -> None:
        self._stream = stream
        self._redactor = redactor

    def write(self, text: str) -> int:
        self._stream.write(without_commands(self._redactor.redact(text)))
        return len(text)

    def writelines(self, lines: list[str]) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever a stream has
        return getattr(self._stream, name)


@contextmanager
def safe_output(redactor: Redactor) -> Iterator[None]:
    """Redact what is printed while the block runs."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast("TextIO", _SafeStream(stream, redactor)) for stream in before)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
