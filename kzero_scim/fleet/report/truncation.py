"""Cuts a text of sections to a length: details go first, then names, and what matters most last. Knows no format."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Form:
    """One way to write an item.

    Attributes:
        text: What is written.
        phase: When this form takes the place of the one before it: the lower, the sooner.
        loses: What is lost by it, as in "details of 3 groups": ``("details", "group")``.
    """

    text: str
    phase: int = 0
    loses: tuple[str, str] = ("", "")


@dataclass(frozen=True, kw_only=True)
class Item:
    """One thing to tell.

    Attributes:
        forms: Ways to write it, each shorter than the one before it.
        tenants: How many it is about.
        dropped: The phase in which it goes altogether and is only counted; None for never.
    """

    forms: Sequence[Form]
    tenants: int = 1
    dropped: int | None = None


@dataclass(frozen=True, kw_only=True)
class Section:
    """Items under a heading, the most important first.

    Attributes:
        heading: Its heading, with all that is never cut.
        items: What stands under it.
        noun: One item: ``group``.
        after: What stands below the items; never cut.
    """

    heading: str
    items: Sequence[Item]
    noun: str = "group"
    after: str = ""


@dataclass
class _Cut:
    """How far each item is cut; a level past the last form says that it is dropped."""

    levels: dict[tuple[int, int], int] = field(default_factory=dict)


def fit(
    sections: Sequence[Section], limit: int, *, whole: Callable[[str, str], str], size: Callable[[str], int] = len
) -> str:
    """Write sections within a limit.

    Args:
        sections: The sections, the most important first.
        limit: The most that the text may have, in what ``size`` counts.
        whole: Makes the text of the sections' text and of what was cut ("details of 3 groups"; ``""`` for nothing).
        size: Measures a text.

    Returns:
        The fullest text that fits; the shortest there is if none does.
    """
    steps = sorted(_steps(sections), key=lambda step: (step[0], *(-place for place in step[1])))

    def written(number: int) -> str:
        cut = _Cut()
        for _, place in steps[:number]:
            cut.levels[place] = cut.levels.get(place, 0) + 1
        return whole(_text(sections, cut), _told(sections, cut))

    found = bisect_left(range(len(steps)), 1, key=lambda number: size(written(number)) <= limit)
    return written(found)


def _steps(sections: Sequence[Section]) -> list[tuple[int, tuple[int, int]]]:
    """List every way to write less: its phase and the item; within a phase from the bottom up."""
    steps = []
    for number, section in enumerate(sections):
        for place, item in enumerate(section.items):
            phases = [form.phase for form in item.forms[1:]]
            phases += [item.dropped] if item.dropped is not None else []
            steps += [(phase, (number, place)) for phase in phases]
    return steps


def _text(sections: Sequence[Section], cut: _Cut) -> str:
    blocks = []
    for number, section in enumerate(sections):
        blocks.append(section.heading)
        dropped = []
        for place, item in enumerate(section.items):
            level = cut.levels.get((number, place), 0)
            if level < len(item.forms):
                blocks.append(item.forms[level].text)
            else:
                dropped.append(item.tenants)
        if dropped:
            blocks.append(f"… and {counted(len(dropped), f'more {section.noun}')} ({counted(sum(dropped), 'tenant')})")
        blocks.append(section.after)
    return "\n\n".join(block for block in blocks if block)


def _told(sections: Sequence[Section], cut: _Cut) -> str:
    lost: dict[tuple[str, str], int] = {}
    for (number, place), level in cut.levels.items():
        section = sections[number]
        item = section.items[place]
        losses = {form.loses for form in item.forms[1 : level + 1]}
        if level >= len(item.forms):
            losses = {("all", section.noun)}
        for loss in losses:
            lost[loss] = lost.get(loss, 0) + 1
    return ", ".join(f"{what} of {counted(number, noun)}" for (what, noun), number in sorted(lost.items()))


def counted(number: int, noun: str) -> str:
    """Give a number with its noun: ``1 tenant``, ``1,000 tenants``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
