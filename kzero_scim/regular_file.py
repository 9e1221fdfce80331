"""Reads a file that may come from a pull request: only a regular one, never more than a limit. Knows no format."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def read_regular(file: Path, largest: int) -> bytes:
    """Return the content of a file, at most one byte more than the limit. Never waits for a pipe or a device.

    Args:
        file: The file. Symbolic links are followed.
        largest: The limit in bytes. The caller refuses a content that is longer.

    Raises:
        OSError: The file does not exist, is not a regular file, or cannot be read.
    """
    # Without O_NONBLOCK, opening a named pipe waits for its other end.
    descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(file))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is not a regular file", str(file))
        with os.fdopen(descriptor, "rb", closefd=False) as opened:
            return opened.read(largest + 1)
    finally:
        os.close(descriptor)
