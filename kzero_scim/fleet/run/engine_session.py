"""Interrupts or kills an engine with its plugins, which are the processes of one session."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_GONE: Final = (ProcessLookupError, PermissionError)


def interrupt(engine: int) -> None:
    """Ask an engine to stop, like Ctrl-C: it cancels its operations in order and unlocks the stack."""
    with suppress(*_GONE):
        os.kill(engine, signal.SIGINT)


def end(session: int) -> None:
    """Kill every process of a session, which includes the engine's plugins with their own process groups.

    If the system has no /proc, kill only the engine; plugins exit when their engine is gone.
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
