"""Drives headless Chromium for the tests and pictures of the fleet's page. Knows nothing of the page's content."""

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
        driver: Selenium's driver.
        folder: Folder for the page of one test.
    """

    driver: Chrome
    folder: Path = field(default_factory=Path)

    @classmethod
    @contextmanager
    def started(cls, programs: Browser) -> Iterator[Chromium]:
        """Start the browser and yield it. The pages' clock shows the sample's time."""
        options = ChromeOptions()
        options.binary_location = str(programs.browser)
        # Chromium's sandbox does not start as root, the user of CI. The browser loads only the tests' own pages.
        for argument in (
            "--headless=new",
            "--no-sandbox",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
            "--disable-lcd-text",
        ):
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
        # Selenium gets both programs, so it neither searches nor downloads any.
        driver = Chrome(options=options, service=Service(str(programs.driver)))
        try:
            clock = f"Date.now = () => {int(NOW.timestamp() * 1000)};"
            driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": clock})
            yield cls(driver)
        finally:
            driver.quit()

    def reset(self, folder: Path) -> None:
        """Restore the default view, and discard the loaded page, console messages and requests."""
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
        """Set how the next pages are displayed.

        Args:
            size: Width and height in CSS pixels. A narrow screen is a phone.
            dark: Whether the system prefers dark colours.
            media: ``print`` for the print view.
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
        """Load a page from a file, even if it is the one that is loaded.

        Args:
            html: The page's text.
            hash_: The part of the address after ``#``.
        """
        file = self.folder / "fleet.html"
        file.write_text(html, encoding="utf-8")
        self.driver.get("about:blank")
        self.driver.get(f"{file.as_uri()}#{hash_}")

    def run(self, script: str, *arguments: object) -> Any:  # noqa: ANN401 - any JSON
        """Run a script in the page and return its result."""
        return self.driver.execute_script(script, *arguments)

    def all(self, selector: str) -> list[WebElement]:
        """Return the visible elements that match a selector."""
        return [item for item in self.driver.find_elements(By.CSS_SELECTOR, selector) if item.is_displayed()]

    def one(self, selector: str) -> WebElement:
        """Return the only visible element that matches a selector."""
        found = self.all(selector)
        assert len(found) == 1, f"{len(found)} elements are {selector}"
        return found[0]

    def texts(self, selector: str) -> list[str]:
        """Return the texts of the visible elements that match a selector."""
        return [item.text for item in self.all(selector)]

    def press(self, *keys: str) -> None:
        """Press keys one after the other in the focused element."""
        actions = ActionChains(self.driver, duration=0)
        for key in keys:
            actions.send_keys(key)
        actions.perform()

    @property
    def focused(self) -> WebElement:
        """The element with the focus."""
        return self.driver.switch_to.active_element

    @property
    def hash(self) -> str:
        """The part of the address after ``#``."""
        return str(self.run("return location.hash.slice(1)"))

    def complaints(self) -> list[str]:
        """Return the console's messages since the last call: errors, and violations of the content security policy."""
        entries: list[dict[str, Any]] = self.driver.get_log("browser")
        return [str(entry["message"]) for entry in entries]

    def requests(self) -> list[tuple[str, str]]:
        """Return the requests of the page since the last call: address, and why the browser blocked it, or ""."""
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
        """Return the visible part of the page as PNG."""
        return base64.b64decode(self.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"])
