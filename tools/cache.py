"""The cache for downloads and builds, outside the checkout, with one entry per name and version.

An entry is built in a temporary folder under a lock and moved into place when it is complete. Neither an interruption
nor parallel runs leave an incomplete entry.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECKOUT = Path(__file__).resolve().parent.parent


def root() -> Path:
    """Return the cache's folder: `KZERO_SCIM_CACHE`, or `kzero-scim` in the user's cache folder."""
    chosen = os.environ.get("KZERO_SCIM_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    # The XDG specification says to ignore relative paths.
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "kzero-scim"


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the lock of one entry. A second process prints a message and waits."""
    folder = root() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"Waiting for another process that is installing {name}", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def building(name: str) -> Iterator[Path]:
    """Yield an empty folder, which becomes the cache's entry `name` if the block ends without an exception.

    The caller must hold the lock of `name`.
    """
    target = root() / name
    prefix = f".{name}-"
    # This process holds the lock, so any folder with this prefix is left from a run that was killed.
    for remnant in root().glob(f"{prefix}*"):
        shutil.rmtree(remnant, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=prefix, dir=root()))
    try:
        # mkdtemp makes the folder private, but several users of a machine may share a cache.
        work.chmod(0o755)
        yield work
        if target.exists():
            shutil.rmtree(target)
        work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
