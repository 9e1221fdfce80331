"""Runs long commands: their output goes to a log, and the terminal shows title, elapsed time and expected duration."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from typing import IO, TYPE_CHECKING

from tools import cache
from tools.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

QUIET_INTERVAL = 15.0
"""Seconds between two progress lines if the output is not a terminal."""

LAST_LINES = 20
"""Number of log lines that a failure shows."""


class Line:
    """A progress line, rewritten in place on a terminal, and repeated at intervals elsewhere."""

    def __init__(self, title: str, *, stream: IO[str] | None = None) -> None:
        """Print the line and start its clock."""
        self._title = title
        self._stream = stream or sys.stdout
        self._terminal = self._stream.isatty()
        self._began = self._shown = time.monotonic()
        self._write("")

    @property
    def elapsed(self) -> float:
        """Seconds since the line was first printed."""
        return time.monotonic() - self._began

    def tick(self) -> None:
        """Print the elapsed time if it is due."""
        now = time.monotonic()
        if self._terminal or now - self._shown >= QUIET_INTERVAL:
            self._shown = now
            self._write(f"{self.elapsed:.0f} s")

    def close(self, outcome: str) -> None:
        """Print the final line.

        Args:
            outcome: How it ended, for example "done".
        """
        self._write(f"{outcome} after {self.elapsed:.0f} s", last=True)

    def _write(self, text: str, *, last: bool = False) -> None:
        if self._terminal:
            print(f"\r\x1b[K{self._title} ... {text}", end="\n" if last else "", file=self._stream, flush=True)
        else:
            print(f"    {text}" if text else f"{self._title} ...", file=self._stream, flush=True)


def tail(log: Path, lines: int = LAST_LINES) -> str:
    """Return the last lines of a log, indented."""
    text = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(f"    {line}" for line in text[-lines:])


def run(  # noqa: PLR0913 - the properties of a process
    title: str,
    command: Sequence[str | Path],
    *,
    log: str,
    expected: str = "",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a command and wait until it ends.

    Args:
        title: What it does, for the terminal, for example "Building the Pulumi CLI".
        command: The program and its arguments.
        log: Name of its log in the cache's `logs` folder.
        expected: Its duration, for example "about 4 minutes on 2 cores".
        cwd: Its working directory.
        env: Its environment; None inherits this process's environment.

    Raises:
        Problem: It failed. The text ends with the last lines of its log.
    """
    path = cache.root() / "logs" / f"{log}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    line = Line(f"{title} ({expected})" if expected else title)
    with path.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - commands of this project
            [str(part) for part in command],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Its own process group, so that an interruption also ends the compilers that it started.
            start_new_session=True,
        )
        try:
            code = _wait(process, line)
        except BaseException:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
            line.close("stopped")
            raise
    if code:
        line.close("failed")
        msg = f"{title} failed with exit code {code}. The last lines of {path}:\n{tail(path)}"
        raise Problem(msg)
    line.close("done")


def _wait(process: subprocess.Popen[bytes], line: Line) -> int:
    while True:
        try:
            return process.wait(timeout=0.5)
        except subprocess.TimeoutExpired:
            line.tick()


def ask(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    seconds: float = 60,
) -> str | None:
    """Return the output of a short command, with its errors, or None if it is missing, fails or is too slow."""
    try:
        answer = subprocess.run(  # noqa: S603 - commands of this project
            [str(part) for part in command],
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=True,
            timeout=seconds,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.decode("utf-8", errors="replace").strip()
