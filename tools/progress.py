"""Runs a long command: its output goes to a log, the terminal shows what happens, since when, and what to expect."""

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
"""Seconds between two lines where there is no terminal whose line could be rewritten."""

LAST_LINES = 20
"""How much of the log a failure shows."""


class Line:
    """One line of progress, rewritten in place on a terminal and repeated now and then elsewhere."""

    def __init__(self, title: str, *, stream: IO[str] | None = None) -> None:
        """Begin the line, and the clock."""
        self._title = title
        self._stream = stream or sys.stdout
        self._terminal = self._stream.isatty()
        self._began = self._shown = time.monotonic()
        self._write("")

    @property
    def elapsed(self) -> float:
        """Seconds since the line began."""
        return time.monotonic() - self._began

    def tick(self) -> None:
        """Show the time that has passed, where it is due."""
        now = time.monotonic()
        if self._terminal or now - self._shown >= QUIET_INTERVAL:
            self._shown = now
            self._write(f"{self.elapsed:.0f} s")

    def close(self, outcome: str) -> None:
        """End the line with what came of it."""
        self._write(f"{outcome} after {self.elapsed:.0f} s", last=True)

    def _write(self, text: str, *, last: bool = False) -> None:
        if self._terminal:
            print(f"\r\x1b[K{self._title} ... {text}", end="\n" if last else "", file=self._stream, flush=True)
        else:
            print(f"    {text}" if text else f"{self._title} ...", file=self._stream, flush=True)


def tail(log: Path, lines: int = LAST_LINES) -> str:
    """Give the last lines of a log, indented."""
    text = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return "\n".join(f"    {line}" for line in text[-lines:])


def run(  # noqa: PLR0913 - what a process has
    title: str,
    command: Sequence[str | Path],
    *,
    log: str,
    expected: str = "",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> None:
    """Run a command to its end.

    Args:
        title: What it does, for the terminal, as in "Building the Pulumi CLI".
        command: The program and its arguments.
        log: Name of its log in the cache's `logs`.
        expected: How long it takes, as in "about 4 minutes on 2 cores".
        cwd: Where it runs.
        env: Its environment; none means this process' own.

    Raises:
        Problem: It failed; the text ends with the last lines of its log.
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
            # A group of its own: an interruption ends the compilers that it started, too.
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
        msg = f"{title}: exit code {code}. The end of {path}:\n{tail(path)}"
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
    """Run a short command and give what it printed, errors included; None where it is missing, fails or is too slow."""
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
