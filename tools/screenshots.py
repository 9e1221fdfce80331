"""Makes the pictures of docs/reports.md: ``python -m tools.screenshots``, with Chromium on PATH."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from kzero_scim.fleet.page import render_page
from tools import browser, fleet_sample
from tools.browser_driver import PHONE, Chromium
from tools.cache import CHECKOUT

FOLDER = CHECKOUT / "docs" / "pictures"


def pictures(chromium: Chromium) -> Iterator[tuple[str, bytes]]:
    """Give each picture's file name and its PNG."""
    html = render_page(fleet_sample.mixed_fleet(40))
    chromium.look((1000, 760))
    chromium.open(html)
    yield "fleet-page.png", chromium.screenshot()
    chromium.look((1000, 640), dark=True)
    chromium.open(html, f"state=quarantine&open={fleet_sample.name_of(20)}")
    chromium.run("document.querySelector('#rows').scrollIntoView()")
    yield "fleet-page-tenant.png", chromium.screenshot()
    chromium.look(PHONE)
    chromium.open(html, "state=drifted")
    chromium.run("document.querySelector('#tools').scrollIntoView()")
    yield "fleet-page-phone.png", chromium.screenshot()


def main() -> None:
    """Write them."""
    FOLDER.mkdir(exist_ok=True)
    with Chromium.started(browser.find()) as chromium, tempfile.TemporaryDirectory() as folder:
        chromium.reset(Path(folder))
        for name, png in pictures(chromium):
            (FOLDER / name).write_bytes(png)


if __name__ == "__main__":
    main()
