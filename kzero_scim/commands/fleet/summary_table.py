"""Prints the end of a fleet's run: a table that groups tenants with the same outcome and changes, then one line."""

from __future__ import annotations

from collections.abc import Iterator

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kzero_scim.commands.fleet.progress import STYLES
from kzero_scim.display import listed, one_line
from kzero_scim.fleet.model import FleetRun, Outcome
from kzero_scim.fleet.report.grouping import GroupedRun
from kzero_scim.fleet.report.wording import word_of

_NAMED = 6
"""How many tenants of a group the table names."""
_WITH_REASON = frozenset({Outcome.FAILED, Outcome.TIMED_OUT, Outcome.UNHEALTHY, Outcome.NOT_RUN})


def print_closing(console: Console, run: FleetRun) -> None:
    """Print the table, the warnings and the closing line."""
    grouped = GroupedRun(run)
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right")
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    below: list[Text] = []
    for outcome, tenants, text in _rows(grouped):
        names = "" if outcome is Outcome.UNCHANGED else listed([one_line(name) for name in tenants], _NAMED)
        if outcome in _WITH_REASON and cell_len(text) > console.width // 2:
            # A narrow column would break commands and addresses that the operator copies.
            reason = (f"{word_of(run.command, outcome)}: ", STYLES[outcome])
            below.append(Text.assemble(reason, one_line(text), (f"  ({names})", "dim")))
            text = ""  # noqa: PLW2901 - below
        table.add_row(
            Text(word_of(run.command, outcome), STYLES[outcome]),
            str(len(tenants)),
            Text(one_line(text)),
            Text(names, "dim"),
        )
    if run.results:
        console.print()
        console.print(table)
    for line in below:
        console.print(line, soft_wrap=True)
    for alike in grouped.warnings:
        names = listed([one_line(name) for name in alike.tenants], _NAMED)
        console.print(
            Text.assemble(("warning: ", "yellow"), one_line(alike.text), (f"  ({names})", "dim")), soft_wrap=True
        )
    console.print(Text(one_line(closing_line(run)), "bold"), soft_wrap=True)


def closing_line(run: FleetRun) -> str:
    """Return a run's counts in one line."""
    counts = [f"{run.counts[outcome]} {word_of(run.command, outcome)}" for outcome in Outcome if run.counts[outcome]]
    total = len(run.results)
    line = f"{run.command}: {total} {'tenant' if total == 1 else 'tenants'}"
    return f"{line}: {', '.join(counts)}" if counts else f"{line} selected, nothing to do"


def _rows(grouped: GroupedRun) -> Iterator[tuple[Outcome, list[str], str]]:
    reasons = ((Outcome.FAILED, grouped.failed), (Outcome.TIMED_OUT, grouped.timed_out))
    ills = ((Outcome.UNHEALTHY, grouped.unhealthy), (Outcome.UNKNOWN, grouped.unknown))
    for outcome, found in (*reasons, *ills):
        yield from ((outcome, alike.tenants, alike.text) for alike in found)
    for outcome, groups in ((Outcome.DRIFTED, grouped.drifted), (Outcome.CHANGED, grouped.changed)):
        yield from ((outcome, group.tenants, group.headline) for group in groups)
    yield from ((Outcome.NOT_RUN, alike.tenants, alike.text) for alike in grouped.not_run)
    if grouped.unchanged:
        yield Outcome.UNCHANGED, grouped.unchanged, ""
