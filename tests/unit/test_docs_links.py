"""Links between the Markdown pages: each leads to a file, and each anchor to a heading, as GitHub renders them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import cmarkgfm
import pytest

CHECKOUT = Path(__file__).parents[2]
DOCS = CHECKOUT / "docs"
_HEADING = re.compile(r"h[1-6]")
_NOT_IN_ANCHORS = re.compile(r"[^\w\- ]")


class _Page(HTMLParser):
    """The links and anchors of one rendered page."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self._seen: Counter[str] = Counter()
        self._heading: list[str] | None = None
        self.feed(cmarkgfm.github_flavored_markdown_to_html(file.read_text(encoding="utf-8")))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if _HEADING.fullmatch(tag):
            self._heading = []
        wanted = {"a": "href", "img": "src"}.get(tag)
        self.links += [value for name, value in attrs if name == wanted and value]

    def handle_data(self, data: str) -> None:
        if self._heading is not None:
            self._heading.append(data)

    def handle_endtag(self, tag: str) -> None:
        if self._heading is None or not _HEADING.fullmatch(tag):
            return
        anchor = _NOT_IN_ANCHORS.sub("", "".join(self._heading).lower()).replace(" ", "-")
        repeated = self._seen[anchor]
        self.anchors.add(f"{anchor}-{repeated}" if repeated else anchor)
        self._seen[anchor] += 1
        self._heading = None


def _pages() -> list[Path]:
    folders = [entry for entry in CHECKOUT.iterdir() if entry.is_dir() and not entry.name.startswith(".")]
    found = [*CHECKOUT.glob("*.md"), *(file for folder in folders for file in folder.rglob("*.md"))]
    return sorted(file for file in found if not any(part.startswith(".") for part in file.relative_to(CHECKOUT).parts))


def _broken(file: Path) -> Iterator[str]:
    page = _Page(file)
    for link in page.links:
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = file.parent / unquote(parts.path) if parts.path else file
        if not target.exists():
            yield f"{link}: there is no such file"
        elif parts.fragment and target.suffix == ".md":
            anchors = page.anchors if target == file else _Page(target).anchors
            if parts.fragment not in anchors:
                yield f"{link}: the page has no such heading"


@pytest.mark.parametrize("file", _pages(), ids=lambda file: str(file.relative_to(CHECKOUT)))
def test_relative_links_lead_to_files_and_headings(file: Path) -> None:
    """Every relative link of a page resolves."""
    assert list(_broken(file)) == []


def test_the_index_lists_every_page() -> None:
    """docs/README.md links every page beside it."""
    listed = {urlsplit(link).path for link in _Page(DOCS / "README.md").links}

    assert {file.name for file in DOCS.glob("*.md")} - listed == {"README.md"}
