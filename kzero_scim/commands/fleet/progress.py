"""Shows the progress of a fleet's run: live in a terminal, line by line elsewhere. Must not know how tenants run."""

from __future__ import annotations

import os
import time
from threading import Lock
from typing import Final, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from kzero_scim.display import one_line
from kzero_scim.fleet.model import Command, Outcome, TenantResult
from kzero_scim.fleet.report.grouping import reason_of
from kzero_scim.fleet.report.wording import word_of

STYLES: Final = {
    Outcome.FAILED: "bold red",
    Outcome.TIMED_OUT: "bold red",
    Outcome.UNHEALTHY: "bold red",
    Outcome.UNKNOWN: "yellow",
    Outcome.DRIFTED: "magenta",
    Outcome.CHANGED: "yellow",
    Outcome.NOT_RUN: "dim",
    Outcome.UNCHANGED: "green",
}
_MOST: Final = 160
"""Longest error on a tenant's line, in characters. The summary table and the log have the whole text."""
_BAR: Final = 40
_LOG_WIDTH: Final = 160
"""Columns without a terminal: a pipeline's log does not say how wide it is."""


def said(command: Command, result: TenantResult) -> str:
    """Return a tenant's outcome in a few words."""
    match result.outcome:
        case Outcome.UNCHANGED:
            return word_of(command, result.outcome)
        case Outcome.CHANGED:
            return _number(len(result.changes), "change")
        case Outcome.DRIFTED:
            drift = _number(len(result.drift), "difference")
            return f"{drift}, {_number(len(result.changes), 'change')}" if result.changes else drift
        case _:
            error = one_line(reason_of(result))
            short = error if len(error) <= _MOST else f"{error[:_MOST]}..."
            word = word_of(command, result.outcome)
            return f"{word}: {short}" if short else word


def _number(count: int, word: str) -> str:
    return f"{count} {word if count == 1 else word + 's'}"


class Lines:
    """Prints one line for each finished tenant, for pipelines and wherever there is no terminal."""

    def __init__(self, console: Console, total: int, command: Command) -> None:
        """Set the console, the number of tenants and the command."""
        self._console = console
        self._total = total
        self._command = command
        self._ended = 0
        self._lock = Lock()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing."""

    def begins(self, tenant: str) -> None:
        """Do nothing: only finished tenants get a line."""

    def doing(self, tenant: str, what: str) -> None:
        """Do nothing."""

    def ended(self, result: TenantResult) -> None:
        """Print a tenant's outcome."""
        with self._lock:
            self._ended += 1
            place = f"[{self._ended:>{len(str(self._total))}}/{self._total}]"
            line = Text.assemble(
                f"{place} {one_line(result.tenant)}  ",
                (said(self._command, result), STYLES[result.outcome]),
                f"  {result.seconds:.1f} s",
            )
            self._console.print(line, soft_wrap=True)

    def note(self, text: str) -> None:
        """Print a note for the operator."""
        with self._lock:
            self._console.print(Text(one_line(text), "yellow"), soft_wrap=True)


class Screen(Lines):
    """Also shows a live line for each running tenant and a progress bar, below the lines of finished tenants."""

    def __init__(self, console: Console, total: int, command: Command) -> None:
        """Set the console, the number of tenants and the command."""
        super().__init__(console, total, command)
        self._running: dict[str, tuple[float, str]] = {}
        self._began = time.monotonic()
        self._live = Live(console=console, get_renderable=self._shown, refresh_per_second=4, transient=True)

    def __enter__(self) -> Self:
        """Start the live display."""
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Remove the live display."""
        self._live.stop()

    def begins(self, tenant: str) -> None:
        """Add the tenant's line."""
        with self._lock:
            doing = "reading" if self._command in {Command.DRIFT, Command.STATUS} else "starting"
            self._running[tenant] = (time.monotonic(), doing)

    def doing(self, tenant: str, what: str) -> None:
        """Update the tenant's line."""
        with self._lock:
            began, _ = self._running.get(tenant, (time.monotonic(), ""))
            self._running[tenant] = (began, what)

    def ended(self, result: TenantResult) -> None:
        """Remove the tenant's line and print its outcome."""
        with self._lock:
            self._running.pop(result.tenant, None)
        super().ended(result)

    def _shown(self) -> RenderableType:
        now = time.monotonic()
        running = dict(self._running)
        table = Table.grid(padding=(0, 2))
        for _ in range(3):
            table.add_column(no_wrap=True, overflow="ellipsis")
        for tenant, (began, what) in running.items():
            table.add_row(
                Text(f"  {one_line(tenant)}", "cyan"), Text(one_line(what)), Text(f"{now - began:.0f} s", "dim")
            )
        bar = Table.grid(padding=(0, 2))
        words = f"{self._command} {self._ended} of {self._total}, {len(running)} running, {now - self._began:.0f} s"
        bar.add_row(ProgressBar(total=self._total, completed=self._ended, width=_BAR), words)
        return Group(table, bar)


def console(*, stderr: bool) -> Console:
    """Return the console for a run."""
    made = Console(stderr=stderr)
    return made if made.is_terminal or "COLUMNS" in os.environ else Console(stderr=stderr, width=_LOG_WIDTH)


def watcher(console: Console, total: int, command: Command) -> Lines:
    """Return the watcher for a console: live in a terminal, else line by line."""
    return Screen(console, total, command) if console.is_terminal else Lines(console, total, command)
