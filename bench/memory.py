"""Measures the memory of a command and all processes below it, from Linux's /proc."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

Part = Literal["engine", "provider", "others"]
"""The command itself, which contains the engine; the provider kzero; language host, program and azuread."""

PROC: Final = Path("/proc")
_POLL_SECONDS: Final = 0.1
_PROVIDER: Final = "kzero_scim.provider"


@dataclass(frozen=True, kw_only=True)
class Memory:
    """Peak memory of one command's processes, in MB.

    Attributes:
        engine: The Pulumi CLI, which contains the engine.
        provider: The provider kzero. If the engine starts it again for the update, the larger peak.
        others: Peak of language host, program and azuread together.
        whole: Peak of all processes together. Shared memory counts for each process.
    """

    engine: float
    provider: float
    others: float
    whole: float = 0.0

    @property
    def own(self) -> float:
        """Memory of engine and provider together."""
        return self.engine + self.provider


class Peaks:
    """Records the peak memory of a process and of all processes below it."""

    def __init__(self, root: int, proc: Path = PROC, ignored: str = "") -> None:
        """Start with no samples.

        Args:
            root: The process to watch.
            proc: The folder with the processes' files.
            ignored: A part of the command line of processes that do not count; empty for none.
        """
        self._root = root
        self._proc = proc
        self._ignored = ignored
        self._most: dict[Part, int] = {}
        self._whole = 0

    def measure(self) -> None:
        """Take one sample."""
        status = self._statuses()
        parents = {pid: _number(text, "PPid") for pid, text in status.items()}
        engine, others, whole = self._read(self._root, "cmdline"), 0, 0
        for pid, text in status.items():
            command = self._read(pid, "cmdline")
            # A process with the engine's command line has been forked but not replaced yet, and shares the engine's
            # memory.
            if not self._is_below(pid, parents) or (command == engine and pid != self._root):
                continue
            if self._ignored and self._ignored in command:
                continue
            whole += _number(text, "VmRSS") or 0
            part: Part = "engine" if pid == self._root else part_of(command)
            if part == "others":
                others += _number(text, "VmRSS") or 0
            else:
                self._note(part, _number(text, "VmHWM") or 0)
        self._note("others", others)
        self._whole = max(self._whole, whole)

    def memory(self) -> Memory:
        """Return the peaks so far."""
        engine, provider, others = (self._most.get(part, 0) / 1024 for part in ("engine", "provider", "others"))
        return Memory(engine=engine, provider=provider, others=others, whole=self._whole / 1024)

    def _note(self, part: Part, amount: int) -> None:
        self._most[part] = max(amount, self._most.get(part, 0))

    def _is_below(self, pid: int | None, parents: Mapping[int, int | None]) -> bool:
        while pid is not None and pid != self._root:
            pid = parents.get(pid)
        return pid is not None

    def _statuses(self) -> dict[int, str]:
        pids = [int(folder.name) for folder in self._proc.iterdir() if folder.name.isdecimal()]
        return {pid: text for pid in pids if (text := self._read(pid, "status"))}

    def _read(self, pid: int, name: str) -> str:
        try:
            return (self._proc / str(pid) / name).read_text(encoding="utf-8", errors="replace")
        except (FileNotFoundError, ProcessLookupError):
            return ""  # the process has ended


@contextmanager
def watching(root: int, ignored: str = "") -> Iterator[Peaks]:
    """Sample the memory of a process and its descendants ten times per second while the block runs.

    Args:
        root: The process.
        ignored: A part of the command line of processes that do not count; empty for none.
    """
    peaks, done = Peaks(root, ignored=ignored), threading.Event()

    def keep_measuring() -> None:
        while not done.wait(_POLL_SECONDS):
            peaks.measure()

    thread = threading.Thread(target=keep_measuring, name="memory", daemon=True)
    thread.start()
    try:
        yield peaks
    finally:
        done.set()
        thread.join()


def is_known() -> bool:
    """Return whether this system reports the memory of processes."""
    return (PROC / "self" / "status").is_file()


def part_of(command: str) -> Part:
    """Return what a process below the engine is, from its `/proc/PID/cmdline`."""
    return "provider" if _PROVIDER in command.split("\0") else "others"


def _number(status: str, name: str) -> int | None:
    """Return a number from `/proc/PID/status`. Memory is in kB, and is missing for a process that has ended."""
    return next((int(line.split()[1]) for line in status.splitlines() if line.startswith(f"{name}:")), None)
