"""Fixtures with a real headless Chromium, one per test process, which Selenium controls.

Without Chromium, these tests fail in CI (if the variable CI is set) and are skipped elsewhere. Both print what to
install.
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
    """Return the path of axe-core's script."""
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
    """Return the browser in its default state: desktop size, light colours, empty page."""
    _chromium.reset(tmp_path)
    return _chromium


def _lacking(problem: Problem) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(str(problem), pytrace=False)
    pytest.skip(str(problem))
