"""Writes the pictures of the documentation. Needs Chromium and an emoji font; run `python -m tools.screenshots`."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cmarkgfm
from cmarkgfm.cmark import Options

from kzero_scim.fleet.page import render_page
from tools import browser, fleet_sample
from tools.browser_driver import PHONE, Chromium
from tools.cache import CHECKOUT

FOLDER = CHECKOUT / "docs" / "pictures"
_COMMENT = CHECKOUT / "docs" / "comments" / "typical.md"
_COMMENT_STYLE = """
body { margin: 16px; font: 16px/1.5 sans-serif; color: #1f2328; background: #f6f8fa }
article { padding: 16px 20px 8px; border: 1px solid #d1d9e0; border-radius: 8px; background: #fff }
h3 { margin: 0 0 12px } h4 { margin: 20px 0 12px } p, details { margin: 0 0 12px } ul { padding-left: 1.6em }
code { padding: .15em .35em; border-radius: 6px; background: #eff1f3; font: 85% monospace }
pre { padding: 12px; border-radius: 6px; background: #f6f8fa } pre code { padding: 0; background: none }
.added { background: #dafbe1; color: #116329 } .removed { background: #ffebe9; color: #82071e }
.place { color: #6639ba }
"""
_DIFF_LINES = {"+": "added", "-": "removed", "@": "place"}


def comment_page(markdown: str) -> str:
    """Return a page that shows a comment as a platform would, with its first group of tenants expanded."""
    body = cmarkgfm.github_flavored_markdown_to_html(markdown, options=Options.CMARK_OPT_UNSAFE)
    body = re.sub(
        r"^(?:<pre[^>]*><code[^>]*>)?([+@-]).*$",
        lambda line: line[0].replace(line[1], f'<span class="{_DIFF_LINES[line[1]]}">{line[1]}', 1) + "</span>",
        body,
        flags=re.MULTILINE,
    )
    style = f'<meta charset="utf-8"><style>{_COMMENT_STYLE}</style>'
    return f"<!doctype html>{style}<article>{body.replace('<details>', '<details open>', 1)}</article>"


def pictures(chromium: Chromium) -> Iterator[tuple[str, bytes]]:
    """Yield each picture's file name and PNG data."""
    html = render_page(fleet_sample.mixed_fleet(40))
    chromium.set_view((1000, 760))
    chromium.open(html)
    yield "fleet-page.png", chromium.screenshot()
    chromium.set_view((1000, 640), dark=True)
    chromium.open(html, f"state=quarantine&open={fleet_sample.name_of(20)}")
    chromium.run("document.querySelector('#rows').scrollIntoView()")
    yield "fleet-page-tenant.png", chromium.screenshot()
    chromium.set_view(PHONE)
    chromium.open(html, "state=drifted")
    chromium.run("document.querySelector('#tools').scrollIntoView()")
    yield "fleet-page-phone.png", chromium.screenshot()
    chromium.set_view((900, 780))
    chromium.open(comment_page(_COMMENT.read_text(encoding="utf-8")))
    yield "comment.png", chromium.screenshot()


def main() -> None:
    """Write all pictures."""
    FOLDER.mkdir(exist_ok=True)
    with Chromium.started(browser.find()) as chromium, tempfile.TemporaryDirectory() as folder:
        chromium.reset(Path(folder))
        for name, png in pictures(chromium):
            (FOLDER / name).write_bytes(png)


if __name__ == "__main__":
    main()
