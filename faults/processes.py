"""The processes of one run of Pulumi, found by what they were started with, to be killed or waited for. Linux only."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path
from typing import Final, Literal

Victim = Literal["provider", "azuread", "program", "engine"]
_PROC: Final = Path("/proc")
_POLL_SECONDS: Final = 0.02
_MARKS: Final[dict[Victim, str]] = {
    "provider": "kzero_scim.provider",
    "azuread": "azuread",
    "program": "pulumi-language-python-exec",
}
"""Words of the command line; the engine is the process that was started itself."""


def descendants(root: int) -> list[int]:
    """Give the process ids below one, parents first."""
    children: dict[int, list[int]] = {}
    for entry in _PROC.iterdir():
        if entry.name.isdigit() and (parent := _parent(entry)) is not None:
            children.setdefault(parent, []).append(int(entry.name))
    found, waiting = [], [root]
    while waiting:
        for child in children.get(waiting.pop(0), []):
            found.append(child)
            waiting.append(child)
    return found


def kill(engine: int, victim: Victim) -> int:
    """Kill one of a run's processes as nothing can be prepared for (SIGKILL).

    Args:
        engine: Process id of the Pulumi CLI.
        victim: Which.

    Returns:
        The process id.

    Raises:
        LookupError: There is none.
    """
    target = engine if victim == "engine" else _find(engine, _MARKS[victim])
    os.kill(target, signal.SIGKILL)
    return target


def outlive(processes: list[int], seconds: float) -> list[int]:
    """Give those that still run after so many seconds; returns at once when none does."""
    deadline = time.monotonic() + seconds
    while (left := [pid for pid in processes if _runs(pid)]) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return left


def our_own(processes: list[int]) -> list[int]:
    """Give the providers and the program among the processes of a run."""
    return [pid for pid in processes if any(mark in command(pid) for mark in _MARKS.values())]


def command(pid: int) -> str:
    """Give a process' command line, empty when it has ended."""
    with contextlib.suppress(OSError):
        return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return ""


def _find(engine: int, mark: str) -> int:
    # The last: a shell that starts a program bears the program's name too.
    found = [pid for pid in descendants(engine) if mark in command(pid)]
    if not found:
        message = f"process {engine} has no descendant with {mark!r} in its command line"
        raise LookupError(message)
    return found[-1]


def _parent(entry: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        # The name in brackets may hold blanks.
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    return None


def _runs(pid: int) -> bool:
    with contextlib.suppress(OSError, IndexError):
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
