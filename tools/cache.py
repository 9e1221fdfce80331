"""Where downloads and builds are kept, outside the checkout, each keyed by its version.

A thing is built in a folder of its own and moved into place when it is whole, under a lock: neither an interrupted
run nor two runs at once leave half of it.
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
    """Give the cache's folder: `KZERO_SCIM_CACHE`, or `kzero-scim` in the user's own cache folder."""
    chosen = os.environ.get("KZERO_SCIM_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    # The specification of the XDG folders has relative paths ignored.
    base = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (base if base.is_absolute() else Path.home() / ".cache") / "kzero-scim"


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the lock of one thing in the cache; a second process waits, and says what for."""
    folder = root() / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"Waiting for another set-up, which is at work on {name}", flush=True)
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield


@contextmanager
def building(name: str) -> Iterator[Path]:
    """Give an empty folder to build `name` in, which becomes the cache's `name` if the block ends without an exception.

    The lock of `name` must be held.
    """
    target = root() / name
    prefix = f".{name}-"
    # The lock is ours, so whatever is left under this prefix belongs to a run that was killed.
    for remnant in root().glob(f"{prefix}*"):
        shutil.rmtree(remnant, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=prefix, dir=root()))
    try:
        # Private at first (mkdtemp); a cache may well be shared by the users of one machine.
        work.chmod(0o755)
        yield work
        if target.exists():
            shutil.rmtree(target)
        work.rename(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
