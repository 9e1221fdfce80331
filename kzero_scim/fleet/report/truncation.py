"""Cuts a text of sections to a length: details go first, of the least important entries first. Knows no format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

_SEPARATOR: Final = "\n\n"
_LONGEST_REST: Final = 80
"""Characters of the line that counts a section's entries left out."""
_DIGITS: Final = 20
"""Characters of a number."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Details that make sense without the others.

    Attributes:
        opening: Before them, in the place of the brief text.
        parts: The details.
        joint: Between two.
        rest: Says how many are left out, ``{}`` in it.
        closing: After them.
    """

    opening: str
    parts: Sequence[str]
    joint: str
    rest: str
    closing: str = ""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing to report.

    Attributes:
        full: With all details.
        brief: Without.
        tenants: How many it is about.
        parts: What to write of its details where there is no room for all; None for nothing.
    """

    full: str
    brief: str
    tenants: int = 1
    parts: Parts | None = None


@dataclass(frozen=True, kw_only=True)
class Section:
    """Entries under a heading, the most important first.

    Attributes:
        heading: Its heading.
        entries: What is below it.
        noun: One entry: ``group``.
        after: What is below the entries.
    """

    heading: str
    entries: Sequence[Entry]
    noun: str = "group"
    after: str = ""


def fit(
    sections: Sequence[Section], limit: int, *, whole: Callable[[str, int], str], size: Callable[[str], int] = len
) -> str:
    """Write sections within a limit.

    If all does not fit, every entry is first written briefly, the most important first, and then with its details as
    long as there is room.

    Args:
        sections: The sections, the most important first.
        limit: The most that the text may have, in what ``size`` counts.
        whole: Makes the text of the sections' text and of the number of entries that lack details.
        size: Measures a text.
    """
    everything = _text(sections, [[entry.full for entry in section.entries] for section in sections])
    text = whole(everything, 0)
    if size(text) <= limit:
        return text
    count = sum(len(section.entries) for section in sections)
    room = limit - size(whole(everything, count)) + size(everything)
    kept: list[Section] = []
    for section in sections:
        cost = size(_SEPARATOR.join((section.heading, section.after))) + len(_SEPARATOR) * 2 + _LONGEST_REST
        if cost > room:
            break
        room -= cost
        kept.append(section)
    texts = [[""] * len(section.entries) for section in kept]
    places = [
        (written, place, entry)
        for section, written in zip(kept, texts, strict=True)
        for place, entry in enumerate(section.entries)
    ]
    for written, place, entry in places:
        if (cost := size(entry.brief) + len(_SEPARATOR)) <= room:
            written[place] = entry.brief
            room -= cost
    for written, place, entry in places:
        if not written[place]:
            continue
        more = entry.full
        if size(more) - size(entry.brief) > room:
            more = _partly(entry, room, size)
        room -= size(more) - size(entry.brief)
        written[place] = more
    full = sum(text == entry.full for written, place, entry in places if (text := written[place]))
    return whole(_text(kept, texts), count - full)


def _partly(entry: Entry, room: int, size: Callable[[str], int]) -> str:
    """Return an entry with as many of its parts as there is room for beside the brief text's."""
    parts = entry.parts
    if parts is None:
        return entry.brief
    room += size(entry.brief) - size(parts.opening + parts.closing + parts.rest) - len(parts.joint) - _DIGITS
    written: list[str] = []
    for part in parts.parts:
        room -= size(part) + len(parts.joint)
        if room < 0:
            break
        written.append(part)
    left = len(parts.parts) - len(written)
    rest = parts.rest.format(f"{left:,}") if left else ""
    return f"{parts.opening}{parts.joint.join(written)}{rest}{parts.closing}" if written else entry.brief


def _text(sections: Sequence[Section], texts: Sequence[Sequence[str]]) -> str:
    blocks = []
    for section, written in zip(sections, texts, strict=True):
        dropped = [entry.tenants for entry, text in zip(section.entries, written, strict=True) if not text]
        rest = f"… and {counted(len(dropped), f'more {section.noun}')} ({counted(sum(dropped), 'tenant')})"
        blocks += [section.heading, *written, rest if dropped else "", section.after]
    return _SEPARATOR.join(block for block in blocks if block)


def counted(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 tenant``, ``1,000 tenants``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
