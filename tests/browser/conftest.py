"""A real headless Chromium, one a test process, driven by Selenium with the driver that is installed.

Without Chromium these tests fail in CI (the variable CI is set) and are skipped elsewhere, both with the line that says
what to install.
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tools import browser
from tools.browser_driver import Chromium
from tools.problem import Problem


@pytest.fixture(scope="session")
def axe() -> Path:
    """Give axe-core's script."""
    try:
        return browser.axe()
    except Problem as problem:
        _lacking(problem)


@pytest.fixture(scope="session")
def _chromium() -> Iterator[Chromium]:
    try:
        found = browser.find()
    except Problem as problem:
        _lacking(problem)
    with Chromium.started(found) as chromium:
        yield chromium


@pytest.fixture
def chromium(_chromium: Chromium, tmp_path: Path) -> Chromium:
    """Give the browser as it is at first: a desktop's window, light, nothing loaded."""
    _chromium.reset(tmp_path)
    return _chromium


def _lacking(problem: Problem) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(str(problem), pytrace=False)
    pytest.skip(str(problem))
