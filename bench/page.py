"""Measures the fleet's page in Chromium: time to render, to load, to search, and to open a tenant.

With the project's environment, and Chromium and its driver on PATH: `python -m bench.page`.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

from kzero_scim.fleet.page import render_page
from tools import browser, fleet_sample
from tools.browser_driver import PHONE, Chromium
from tools.problem import run_main

TENANTS: Final = (20, 200, 2000)
REPEAT: Final = 5
_LOADED: Final = "return performance.getEntriesByType('navigation')[0].domContentLoadedEventEnd"
_PAINTED: Final = """
const done = arguments[arguments.length - 1];
const began = performance.now();
(%s);
requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
"""
"""Milliseconds from an action until the browser has painted its result."""
_TYPE: Final = """() => {
  const search = document.getElementById("search");
  search.value = search.value ? "" : "contoso";
  search.dispatchEvent(new Event("input"));
}"""
_OPEN: Final = "() => document.querySelector('#rows .name').click()"


def main() -> None:
    """Print a table of the measurements."""
    print("| tenants | made in, s | size, MB | loaded, ms | search, ms | open, ms | loaded on a slow phone, ms |")
    print("|---|---|---|---|---|---|---|")
    with Chromium.started(browser.find()) as chromium, tempfile.TemporaryDirectory() as folder:
        chromium.reset(Path(folder))
        for tenants in TENANTS:
            print(_row(chromium, tenants), flush=True)


def _row(chromium: Chromium, tenants: int) -> str:
    runs = fleet_sample.mixed_fleet(tenants)
    began = time.perf_counter()
    html = render_page(runs)
    made = time.perf_counter() - began
    chromium.set_view()
    loaded = _median_load(chromium, html)
    search = statistics.median(_acted(chromium, _TYPE) for _ in range(2 * REPEAT))
    opened = statistics.median(_acted(chromium, _OPEN) for _ in range(2 * REPEAT))
    # A cheap phone: a sixth of this machine's speed.
    chromium.set_view(PHONE)
    chromium.driver.execute_cdp_cmd("Emulation.setCPUThrottlingRate", {"rate": 6})
    slow = _median_load(chromium, html)
    chromium.driver.execute_cdp_cmd("Emulation.setCPUThrottlingRate", {"rate": 1})
    size = len(html.encode()) / 1e6
    return f"| {tenants:,} | {made:.2f} | {size:.2f} | {loaded:.0f} | {search:.0f} | {opened:.0f} | {slow:.0f} |"


def _median_load(chromium: Chromium, html: str) -> float:
    taken = []
    for _ in range(REPEAT):
        chromium.open(html)
        taken.append(float(chromium.run(_LOADED)))
    return statistics.median(taken)


def _acted(chromium: Chromium, act: str) -> float:
    return float(chromium.driver.execute_async_script(_PAINTED % f"({act})()"))


if __name__ == "__main__":
    run_main(main)
