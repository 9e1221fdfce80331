"""What stands at the end of a fleet's run: tenants with the same outcome and change together, then one line."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kzero_scim.commands.fleet.progress import STYLES
from kzero_scim.display import listed, one_line
from kzero_scim.fleet.model import Command, FleetRun, Outcome
from kzero_scim.fleet.report import grouping

_NAMED = 6
"""Tenants of a group that are named."""
_CHANGED = {Command.PREVIEW: "to change", Command.UP: "changed"}


def print_closing(console: Console, run: FleetRun) -> None:
    """Print the table and the last line."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right")
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for outcome, tenants, text in _rows(run):
        names = "" if outcome is Outcome.UNCHANGED else listed([one_line(name) for name in tenants], _NAMED)
        table.add_row(
            Text(_word(run, outcome), STYLES[outcome]), str(len(tenants)), Text(one_line(text)), Text(names, "dim")
        )
    if run.results:
        console.print()
        console.print(table)
    for alike in grouping.warnings_of(run):
        names = listed([one_line(name) for name in alike.tenants], _NAMED)
        console.print(
            Text.assemble(("warning: ", "yellow"), one_line(alike.text), (f"  ({names})", "dim")), soft_wrap=True
        )
    console.print(Text(closing_line(run), "bold"), soft_wrap=True)


def closing_line(run: FleetRun) -> str:
    """Say in one line what came of a run, and where its logs are."""
    counts = [f"{run.counts[outcome]} {_word(run, outcome)}" for outcome in Outcome if run.counts[outcome]]
    total = len(run.results)
    line = f"{run.command}: {total} {'tenant' if total == 1 else 'tenants'}"
    return f"{line}: {', '.join(counts)}" if counts else f"{line} selected, nothing to do"


def _rows(run: FleetRun) -> Sequence[tuple[Outcome, list[str], str]]:
    rows = [
        (alike.outcome, alike.tenants, alike.text)
        for alike in grouping.failures_of(run, Outcome.FAILED, Outcome.TIMED_OUT)
        if alike.outcome
    ]
    rows += [(Outcome.UNHEALTHY, alike.tenants, alike.text) for alike in grouping.unhealthy_of(run)]
    rows += [(Outcome.DRIFTED, group.tenants, group.headline) for group in grouping.drift_groups_of(run)]
    rows += [(Outcome.CHANGED, group.tenants, group.headline) for group in grouping.groups_of(run)]
    rows += [
        (alike.outcome, alike.tenants, alike.text)
        for alike in grouping.failures_of(run, Outcome.NOT_RUN)
        if alike.outcome
    ]
    unchanged = [result.tenant for result in run.results if result.outcome is Outcome.UNCHANGED]
    return [*rows, (Outcome.UNCHANGED, unchanged, "")] if unchanged else rows


def _named(tenants: Sequence[str]) -> str:
    return listed([one_line(name) for name in tenants], _NAMED)


def _word(run: FleetRun, outcome: Outcome) -> str:
    if outcome is Outcome.CHANGED:
        return _CHANGED.get(run.command, str(outcome))
    return "healthy" if (run.command, outcome) == (Command.STATUS, Outcome.UNCHANGED) else outcome.replace("-", " ")
