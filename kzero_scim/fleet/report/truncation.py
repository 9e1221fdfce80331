"""Cuts a text of sections to a length: first the details of the least important entries. Must not know the format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

_SEPARATOR: Final = "\n\n"
_LONGEST_REST: Final = 80
"""Longest line that counts a section's omitted entries, in characters."""
_DIGITS: Final = 20
"""Longest number, in characters."""


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Details of an entry of which any number can be shown.

    Attributes:
        opening: Text before them; replaces the brief text.
        parts: The details.
        joint: Text between two details.
        rest: Text that counts omitted details; contains ``{}``.
        closing: Text after them.
    """

    opening: str
    parts: Sequence[str]
    joint: str
    rest: str
    closing: str = ""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One entry of a report.

    Attributes:
        full: Text with all details.
        brief: Text without details.
        tenants: Number of tenants it covers.
        parts: Details to use if not all fit; None for none.
    """

    full: str
    brief: str
    tenants: int = 1
    parts: Parts | None = None


@dataclass(frozen=True, kw_only=True)
class Section:
    """Entries under a heading, most important first.

    Attributes:
        heading: The heading.
        entries: The entries.
        noun: Word for one entry, for example ``group``.
        after: Text after the entries.
    """

    heading: str
    entries: Sequence[Entry]
    noun: str = "group"
    after: str = ""


def fit(
    sections: Sequence[Section], limit: int, *, whole: Callable[[str, int], str], size: Callable[[str], int] = len
) -> str:
    """Return the text of sections within a limit.

    If the full text does not fit, entries first get their brief text, most important first. Then they get their details
    while there is room.

    Args:
        sections: The sections, most important first.
        limit: Largest size, as ``size`` measures it.
        whole: Returns the whole text from the sections' text and the number of entries that lack details.
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
    """Return an entry with as many of its parts as fit."""
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
