"""An engine with its plugins, as the processes of one session: how to interrupt it, and how to end all of it."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_GONE: Final = (ProcessLookupError, PermissionError)


def interrupt(engine: int) -> None:
    """Ask an engine to stop, as Ctrl-C does: what is under way is broken off in order, and its stack is unlocked."""
    with suppress(*_GONE):
        os.kill(engine, signal.SIGINT)


def end(session: int) -> None:
    """Kill every process of a session: the engine's plugins are process groups of their own in it.

    Where the system does not show its processes, only the engine's own group is killed; plugins end by themselves when
    they find their engine gone.
    """
    for pid in [*_members(session), session]:
        with suppress(*_GONE):
            os.kill(pid, signal.SIGKILL)


def _members(session: int) -> list[int]:
    found = []
    for folder in _PROC.glob("[0-9]*"):
        pid = int(folder.name)
        with suppress(OSError):
            if os.getsid(pid) == session:
                found.append(pid)
    return found
