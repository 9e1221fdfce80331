"""Opens the files that a stack file names: regular ones below the project's ``stacks/``. Knows no settings.

Opening never waits, follows no link that is put there meanwhile, and an error shows nothing of a file's content.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import Final

FOLDER: Final = "stacks"
_OPENING: Final = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
_NO_LINK: Final = getattr(os, "O_NOFOLLOW", 0)
_OUTSIDE: Final = f"it is not a file below {FOLDER}/, where files that a stack file names must be"


def read_in_stacks(project: Path, name: str, largest: int) -> bytes:
    """Read a file that a stack file names.

    Args:
        project: The folder of Pulumi.yaml.
        name: The path, from the project's folder.
        largest: Bytes that it may have.

    Raises:
        ValueError: It cannot be read, is not a regular file below ``stacks/``, or is too large; a clause for an error.
    """
    try:
        folder = (project / FOLDER).resolve(strict=True)
        real = (project / name).resolve(strict=True)
        if not real.is_relative_to(folder) or real == folder:
            raise ValueError(_OUTSIDE)
        content = _read(_open_below(folder, real.relative_to(folder)), largest)
    except (OSError, RuntimeError) as error:
        message = ((error.strerror if isinstance(error, OSError) else None) or "it cannot be read").lower()
        raise ValueError(message) from None
    if len(content) > largest:
        message = f"it has more than {_size(largest)}"
        raise ValueError(message)
    return content


def _open_below(folder: Path, inside: Path) -> int:
    """Open folder by folder, none of them a link: what was resolved may have been replaced since."""
    if os.open not in os.supports_dir_fd:
        return os.open(folder / inside, _OPENING | _NO_LINK)
    place = os.open(folder, _OPENING | _NO_LINK)
    for part in inside.parts:
        try:
            place, above = os.open(part, _OPENING | _NO_LINK, dir_fd=place), place
        except OSError:
            os.close(place)
            raise
        os.close(above)
    return place


def _read(opened: int, largest: int) -> bytes:
    mode = os.fstat(opened).st_mode
    if not stat.S_ISREG(mode):
        os.close(opened)
        reason = os.strerror(errno.EISDIR) if stat.S_ISDIR(mode) else "it is not a regular file"
        raise OSError(errno.EINVAL, reason)
    with os.fdopen(opened, "rb") as file:
        return file.read(largest + 1)


def _size(largest: int) -> str:
    return f"{largest // 1024**2} MB" if largest >= 1024**2 else f"{largest // 1024} KB"
