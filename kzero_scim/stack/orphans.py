"""Ends processes that outlived their Pulumi run. Linux only: other systems do not show what a process belongs to.

After kill -9 of the engine, the azuread plugin and Pulumi's Python language host may continue for minutes. Each works
in the project's folder and has its engine's address on its command line. Only the program also names its stack there.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")
_PROGRAM: Final = "pulumi-language-python-exec"
_ADDRESS: Final = re.compile(r"127\.0\.0\.1:(?P<port>\d{1,5})")
_PLUGINS: Final = ("pulumi-language-", "pulumi-resource-", "kzero_scim.provider", "azuread")
_CONNECT_SECONDS: Final = 1.0
_END_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.05


@dataclass(frozen=True)
class _Process:
    pid: int
    words: tuple[str, ...]

    @property
    def engine(self) -> str:
        """The address of its engine; "" if it has none."""
        return next((word for word in self.words if _ADDRESS.fullmatch(word)), "")

    @property
    def stack(self) -> str:
        """The stack of a program; "" for another process."""
        is_program = any(Path(word).name == _PROGRAM for word in self.words)
        place = self.words.index("--stack") + 1 if is_program and "--stack" in self.words else len(self.words)
        return self.words[place] if place < len(self.words) else ""

    @property
    def name(self) -> str:
        """A short name for messages."""
        return next(Path(word).name for word in self.words if any(mark in word for mark in _PLUGINS))


def end_orphans(project: Path, stack: str, *, is_only: bool) -> list[str]:
    """End the processes of a stack's interrupted runs, and return a line for each.

    Ends only this user's processes of this project whose engine no longer listens. If a run's program has ended too,
    it is unknown which stack its other processes belong to. They are ended only if no other stack was interrupted.

    Args:
        project: The project's folder.
        stack: The stack's name, without organisation and project.
        is_only: Whether no other stack of the project can have an interrupted run.
    """
    found = [process for process in _of_project(project.resolve()) if not _listens(process.engine)]
    stacks = {process.engine: process.stack for process in found if process.stack}
    lines = []
    for process in found:
        if stacks.get(process.engine, stack if is_only else "") == stack:
            lines += [f"ended process {process.pid} of the interrupted run: {process.name}"] if _end(process) else []
        elif process.engine not in stacks:
            lines.append(
                f"left process {process.pid} ({process.name}) of an interrupted run in this project: it may belong to "
                f"another stack; if not, end it with `kill {process.pid}`"
            )
    return lines


def _of_project(folder: Path) -> list[_Process]:
    """Return this user's processes that an engine started in a folder, by ID."""
    found = []
    for entry in _PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if entry.stat().st_uid == os.getuid() and (entry / "cwd").readlink() == folder:
                words = tuple((entry / "cmdline").read_bytes().decode(errors="replace").split("\0")[:-1])
                process = _Process(int(entry.name), words)
                found += (
                    [process] if process.engine and any(mark in word for word in words for mark in _PLUGINS) else []
                )
    return sorted(found, key=lambda process: process.pid)


def _listens(address: str) -> bool:
    host, _, port = address.rpartition(":")
    try:
        with socket.create_connection((host, int(port)), _CONNECT_SECONDS):
            return True
    except (ConnectionRefusedError, OverflowError):
        return False
    except OSError:
        return True


def _end(process: _Process) -> bool:
    """Ask the process to end, then kill it. Return whether it still ran and has ended."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + _END_SECONDS
        try:
            os.kill(process.pid, number)
            while time.monotonic() < deadline:
                if _state(process.pid) == "Z":
                    return True
                os.kill(process.pid, 0)
                time.sleep(_POLL_SECONDS)
        except ProcessLookupError:
            return True
        except PermissionError:
            return False
    return False


def _state(pid: int) -> str:
    with contextlib.suppress(OSError, IndexError):
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0]
    return ""
