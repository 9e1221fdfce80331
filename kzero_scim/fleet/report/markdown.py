"""Writes text from outside in Markdown, always as code, so that no platform interprets it.

In code, GitHub, GitLab and Azure DevOps recognize no mentions, issue references, links, tags or emphasis.
https://spec.commonmark.org/0.31.2/#code-spans and ``#fenced-code-blocks``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import Final

from kzero_scim.display import one_line

_EMPTY: Final = "(empty)"


def span(text: str) -> str:
    """Return a text as a code span, in one line."""
    shown = one_line(text) or _EMPTY
    ticks = _longer(shown, least=1)
    room = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{ticks}{room}{shown}{room}{ticks}"


def tagged(text: str) -> str:
    """Return a text as HTML code, in one line, for a ``<summary>``, which does not interpret Markdown."""
    return f"<code>{escape(one_line(text) or _EMPTY)}</code>"


def fenced(lines: Iterable[str], language: str = "") -> str:
    """Return lines as a fenced code block. Each must be one line, as :func:`one_line` returns it."""
    body = "\n".join(lines)
    fence = _longer(body, least=3)
    return f"{fence}{language}\n{body}\n{fence}"


def _longer(text: str, least: int) -> str:
    return "`" * max(least, 1 + max((len(run) for run in re.findall("`+", text)), default=0))


def shortened(text: str, most: int) -> str:
    """Return a text cut to a number of characters, with its original length if it was cut."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"
