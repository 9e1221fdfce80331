"""Finds the processes of a Pulumi run by their command lines, to kill them or wait for them. Linux only."""

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
"""A part of each process's command line. The engine is the process that was started."""


def descendants(root: int) -> list[int]:
    """Return the process ids below a process, parents first."""
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
    """Kill one of a run's processes with SIGKILL, which a process cannot handle.

    Args:
        engine: Process id of the Pulumi CLI.
        victim: The process to kill.

    Returns:
        The process id.

    Raises:
        LookupError: The run has no such process.
    """
    target = engine if victim == "engine" else _find(engine, _MARKS[victim])
    os.kill(target, signal.SIGKILL)
    return target


def outlive(processes: list[int], seconds: float) -> list[int]:
    """Return the processes that still run after that many seconds. Returns at once when all have ended."""
    deadline = time.monotonic() + seconds
    while (left := [pid for pid in processes if _runs(pid)]) and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return left


def our_own(processes: list[int], *victims: Victim) -> list[int]:
    """Return the named ones among a run's processes: by default the providers and the program."""
    marks = [_MARKS[victim] for victim in victims] or _MARKS.values()
    return [pid for pid in processes if any(mark in command(pid) for mark in marks)]


def command(pid: int) -> str:
    """Return a process's command line; empty if the process has ended."""
    with contextlib.suppress(OSError):
        return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    return ""


def _find(engine: int, mark: str) -> int:
    # The last one: the command line of a shell that starts a program contains the program's name too.
    found = [pid for pid in descendants(engine) if mark in command(pid)]
    if not found:
        message = f"process {engine} has no descendant with {mark!r} in its command line"
        raise LookupError(message)
    return found[-1]


def _parent(entry: Path) -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        # The name in parentheses may contain spaces.
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    return None


def _runs(pid: int) -> bool:
    with contextlib.suppress(OSError, IndexError):
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
