"""The body of an answer, decompressed within a limit of size. Knows no HTTP library and no service."""

from __future__ import annotations

import zlib
from typing import Final

ACCEPTED: Final = "gzip"
"""The ``Accept-Encoding`` of every request."""

_COMPRESSED: Final = frozenset({"gzip", "x-gzip", "deflate"})
_PIECE: Final = 64 * 1024
_GZIP_OR_ZLIB: Final = 32 + zlib.MAX_WBITS


class UnreadableBodyError(Exception):
    """A body is not read. The message follows "answered"."""


class Body:
    """Collects the pieces of a body and decompresses them, never more than 64 KB beyond the limit.

    Args:
        content_encoding: The answer's ``Content-Encoding`` header.
        largest: The most bytes, before and after decompression.

    Raises:
        UnreadableBodyError: The body is compressed more than once, or in a way that no request accepts.
    """

    def __init__(self, content_encoding: str | None, largest: int) -> None:
        """Read nothing yet."""
        codings = [coding.strip().lower() for coding in (content_encoding or "identity").split(",")]
        if len(codings) > 1:
            message = "a body with more than one Content-Encoding"
            raise UnreadableBodyError(message)
        if codings[0] not in {*_COMPRESSED, "identity", ""}:
            message = f"a body with a Content-Encoding other than {ACCEPTED}"
            raise UnreadableBodyError(message)
        self._inflate = zlib.decompressobj(_GZIP_OR_ZLIB) if codings[0] in _COMPRESSED else None
        self._largest = largest
        self._came = 0
        self._content = bytearray()

    @property
    def is_too_large(self) -> bool:
        """Whether the body is larger than the limit. Then reading must stop."""
        return max(self._came, len(self._content)) > self._largest

    def add(self, piece: bytes) -> None:
        """Add a piece as it came.

        Raises:
            UnreadableBodyError: The piece cannot be decompressed.
        """
        self._came += len(piece)
        if self._inflate is None:
            self._content += piece
            return
        try:
            while not (self.is_too_large or self._inflate.eof):
                content = self._inflate.decompress(piece, _PIECE)
                self._content += content
                piece = self._inflate.unconsumed_tail
                if not piece and len(content) < _PIECE:
                    break
        except zlib.error:
            message = "a body that cannot be decompressed"
            raise UnreadableBodyError(message) from None

    def beginning(self) -> bytes:
        """Return the body so far, up to the limit."""
        return bytes(memoryview(self._content)[: self._largest])

    def whole(self) -> bytes:
        """Return the body after its last piece.

        Raises:
            UnreadableBodyError: The body is too large, or its end is missing.
        """
        if self.is_too_large:
            raise UnreadableBodyError(more_than(self._largest))
        if self._inflate is not None and self._came and not self._inflate.eof:
            message = "a compressed body without its end"
            raise UnreadableBodyError(message)
        return bytes(self._content)


def more_than(largest: int) -> str:
    """Return what an answer that is too large contained, to follow "answered"."""
    return f"more than {largest // 1024**2} MB" if largest >= 1024**2 else f"more than {largest // 1024} KB"
