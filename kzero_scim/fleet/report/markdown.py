"""Somebody's text in Markdown, as GitHub, GitLab and Azure DevOps show it: always as code, so that nothing in it lives.

In code there are no mentions, issue references, links, tags or emphasis; the three platforms agree on that, and on
little else. https://spec.commonmark.org/0.31.2/#code-spans and ``#fenced-code-blocks``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import Final

from kzero_scim.display import one_line

_EMPTY: Final = "(empty)"


def span(text: str) -> str:
    """Give a text as a code span, in one line."""
    shown = one_line(text) or _EMPTY
    ticks = _longer(shown, least=1)
    room = " " if shown[0] in "` " or shown[-1] in "` " else ""
    return f"{ticks}{room}{shown}{room}{ticks}"


def tagged(text: str) -> str:
    """Give a text as HTML code, in one line; for a ``<summary>``, where there is no Markdown."""
    return f"<code>{escape(one_line(text) or _EMPTY)}</code>"


def fenced(lines: Iterable[str], language: str = "") -> str:
    """Give lines as a fenced code block; each has to be one line, as :func:`one_line` gives it."""
    body = "\n".join(lines)
    fence = _longer(body, least=3)
    return f"{fence}{language}\n{body}\n{fence}"


def _longer(text: str, least: int) -> str:
    return "`" * max(least, 1 + max((len(run) for run in re.findall("`+", text)), default=0))


def shortened(text: str, most: int) -> str:
    """Give a text of at most so many characters, and say how many it had."""
    return text if len(text) <= most else f"{text[:most]}… ({len(text):,} characters)"
