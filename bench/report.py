"""Prints the measurements as tables, and returns them as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from rich.console import Console
from rich.table import Table

from bench.figures import Aim, Measure, Measures, Operation, Program, amount, spread
from bench.machine import Machine

COMMANDS: Final[Mapping[Operation, str]] = {
    "up": "first up --yes",
    "preview": "preview without changes",
    "refresh": "preview --refresh without changes",
    "destroy": "destroy --yes",
}


def programs(users: int, most: int) -> dict[Program, str]:
    """Return the programs' names for the tables.

    Args:
        users: Number of further users of the large tenant.
        most: Number of further users of the huge tenant.
    """
    return {
        "empty": "empty program",
        "azuread": "azuread part alone",
        "tenant": "sandbox tenant",
        "large": f"sandbox tenant, {users:,} users",
        "huge": f"sandbox tenant, {most:,} users",
        "adopted": f"tenant set up by hand, {users:,} users",
    }


def show(
    console: Console, measures: Measures, aims: Sequence[Aim], *, names: Mapping[Program, str], notes: Sequence[str]
) -> None:
    """Print the measures side by side, then memory and aims.

    Args:
        console: Where to print.
        measures: The measures.
        aims: The aims.
        names: The programs' names for the tables.
        notes: Lines to print at the end.
    """
    table = Table(title="Seconds: median (spread). HTTP requests: of kzero to Entra and KZero, and of azuread")
    table.add_column("command")
    table.add_column("program")
    for heading in ("seconds", "spread", "kzero", "of these, sign-ins", "azuread", "of these, sign-ins"):
        table.add_column(heading, justify="right")
    for operation, command in {**COMMANDS, "adopt": "kzero-scim adopt --yes"}.items():
        rows = [measures[program, operation] for program in names if (program, operation) in measures]
        for index, measure in enumerate(rows):
            table.add_row("" if index else command, names[measure.program], *_cells(measure))
        table.add_section()
    console.print(table)
    _show_memory(console, measures, names)

    verdicts = Table(title="Aims")
    verdicts.add_column("aim")
    for heading in ("at most", "measured"):
        verdicts.add_column(heading, justify="right")
    verdicts.add_column("")
    for aim in aims:
        colour = "green" if aim.met else "red"
        measured = amount(aim.measured, aim.unit)
        verdicts.add_row(aim.name, amount(aim.limit, aim.unit), measured, f"[{colour}]{aim.verdict}[/]")
    console.print(verdicts)
    for note in notes:
        console.print(note, highlight=False)


def _show_memory(console: Console, measures: Measures, names: Mapping[Program, str]) -> None:
    table = Table(title="Peak memory per process in MB (others: language host, program and azuread together)")
    table.add_column("command")
    table.add_column("program")
    for heading in ("engine", "kzero", "both", "others"):
        table.add_column(heading, justify="right")
    for measure in measures.values():
        if (memory := measure.memory) is not None:
            figures = (memory.engine, memory.provider, memory.own, memory.others)
            table.add_row(COMMANDS[measure.operation], names[measure.program], *(f"{figure:.0f}" for figure in figures))
    if table.row_count:
        console.print(table)


def as_json(machine: Machine, measures: Measures, aims: Sequence[Aim], notes: Sequence[str]) -> dict[str, Any]:
    """Return the content of the JSON file: machine, samples, medians, aims."""
    return {
        "machine": asdict(machine),
        "measures": [{**asdict(measure), "seconds": measure.seconds} for measure in measures.values()],
        "aims": [{**asdict(aim), "met": aim.met} for aim in aims],
        "notes": list(notes),
    }


def _cells(measure: Measure) -> list[str]:
    requests = measure.requests
    own = f"{requests.own} ({requests.entra} + {requests.keycloak})" if requests.own else "0"
    return [
        f"{measure.seconds:.2f}",
        spread(measure),
        own,
        str(requests.own_logins),
        str(requests.azuread),
        str(requests.azuread_logins),
    ]
