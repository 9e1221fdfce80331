"""Headless Chromium: loads a page from a file, as phone or desktop, light or dark, and tells what became of it."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement

from tools.browser import Browser
from tools.fleet_sample import NOW

DESKTOP = (1280, 900)
PHONE = (360, 740)
_WIDEST_PHONE = 600


@dataclass
class Chromium:
    """A running browser.

    Attributes:
        driver: Selenium's.
        folder: For the pages of one test.
    """

    driver: Chrome
    folder: Path = field(default_factory=Path)

    @classmethod
    @contextmanager
    def started(cls, programs: Browser) -> Iterator[Chromium]:
        """Start it; its clock stands at the sample's time."""
        options = ChromeOptions()
        options.binary_location = str(programs.browser)
        # Chromium's sandbox does not start as root, which CI is; the pages are the tests' own.
        for argument in (
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--disable-lcd-text",
        ):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        # With both programs given, Selenium looks for none and downloads none.
        driver = Chrome(options=options, service=Service(str(programs.driver)))
        try:
            clock = f"Date.now = () => {int(NOW.timestamp() * 1000)};"
            driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": clock})
            yield cls(driver)
        finally:
            driver.quit()

    def reset(self, folder: Path) -> None:
        """Forget what was loaded, and how it was looked at."""
        self.folder = folder
        self.set_view()
        self.driver.get("about:blank")
        self.complaints()
        self.requests()

    def set_view(
        self,
        size: tuple[int, int] = DESKTOP,
        *,
        dark: bool = False,
        media: str = "",
        script: bool = True,
        still: bool = False,
    ) -> None:
        """Choose how pages are looked at.

        Args:
            size: Width and height in CSS pixels; a narrow one is a phone's.
            dark: Whether the system prefers dark colours.
            media: ``print`` for how it prints.
            script: Whether scripts run.
            still: Whether the system asks for reduced motion.
        """
        width, height = size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width <= _WIDEST_PHONE}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce" if still else "no-preference"},
        ]
        self.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": media, "features": features})
        self.driver.execute_cdp_cmd("Emulation.setScriptExecutionDisabled", {"value": not script})

    def open(self, html: str, hash_: str = "") -> None:
        """Load a page from a file, anew."""
        file = self.folder / "fleet.html"
        file.write_text(html, encoding="utf-8")
        self.driver.get("about:blank")
        self.driver.get(f"{file.as_uri()}#{hash_}")

    def run(self, script: str, *arguments: object) -> Any:  # noqa: ANN401 - any JSON
        """Run a script in the page and give what it returns."""
        return self.driver.execute_script(script, *arguments)

    def all(self, selector: str) -> list[WebElement]:
        """Find elements that are shown."""
        return [item for item in self.driver.find_elements(By.CSS_SELECTOR, selector) if item.is_displayed()]

    def one(self, selector: str) -> WebElement:
        """Find the only element of its kind that is shown."""
        found = self.all(selector)
        assert len(found) == 1, f"{len(found)} elements are {selector}"
        return found[0]

    def texts(self, selector: str) -> list[str]:
        """Give the texts of elements that are shown."""
        return [item.text for item in self.all(selector)]

    def press(self, *keys: str) -> None:
        """Press keys one after the other, wherever the focus is."""
        actions = ActionChains(self.driver, duration=0)
        for key in keys:
            actions.send_keys(key)
        actions.perform()

    @property
    def focused(self) -> WebElement:
        """The element that has the focus."""
        return self.driver.switch_to.active_element

    @property
    def hash(self) -> str:
        """What stands behind ``#`` in the address."""
        return str(self.run("return location.hash.slice(1)"))

    def complaints(self) -> list[str]:
        """Give what the console was told since the last call: errors, refusals by the page's policy."""
        entries: list[dict[str, Any]] = self.driver.get_log("browser")
        return [str(entry["message"]) for entry in entries]

    def requests(self) -> list[tuple[str, str]]:
        """Give what was asked for since the last call, by anything in the page: address, and what refused it or ""."""
        entries: list[dict[str, Any]] = self.driver.get_log("performance")
        messages = [json.loads(entry["message"])["message"] for entry in entries]
        refused = {
            item["params"]["requestId"]: str(item["params"].get("blockedReason") or "")
            for item in messages
            if item["method"] == "Network.loadingFailed"
        }
        return [
            (url, refused.get(item["params"]["requestId"], ""))
            for item in messages
            if item["method"] == "Network.requestWillBeSent"
            and (url := item["params"]["request"]["url"]) != "about:blank"
        ]

    def screenshot(self) -> bytes:
        """Give what is seen as PNG."""
        return base64.b64decode(self.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"])
