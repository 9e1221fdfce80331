"""Provides Chromium, its driver and axe-core, an accessibility checker, for the tests of the fleet's page.

Only those tests use them. If they are not available, set-up prints a notice, and the other tests still run.
"""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tools import cache, debian, progress
from tools.problem import Problem

AXE_VERSION: Final = "4.11.0"
_AXE: Final = f"axe-core-{AXE_VERSION}"
_AXE_ARTIFACT: Final = f"com.deque.html.axe-core:selenium:{AXE_VERSION}:jar"
_AXE_SHA256: Final = "e9e5863c33a874f09bc01acd9234b7e3c871479f5eef8802fa582544465e6d01"  # pragma: allowlist secret
"""Checksum of axe.min.js in that artifact."""
_COPY: Final = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy"
_BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
_PACKAGES: Final = ("chromium", "chromium-driver")
"""Debian's packages. The driver depends on the browser of the same version."""
REMEDY: Final = (
    "the tests of the fleet's page need Chromium and its driver; install the packages chromium and chromium-driver "
    "(Debian), or put chromium or google-chrome, and chromedriver of the same version, on PATH"
)


@dataclass(frozen=True)
class Browser:
    """Paths of the browser and its driver."""

    browser: Path
    driver: Path


def find() -> Browser:
    """Return the paths of the browser and its driver.

    Raises:
        Problem: One of them is not on PATH.
    """
    browser = next((found for name in _BROWSERS if (found := shutil.which(name))), None)
    driver = shutil.which("chromedriver")
    if browser is None or driver is None:
        raise Problem(REMEDY)
    return Browser(Path(browser), Path(driver))


def axe() -> Path:
    """Return the path of axe-core's script in the cache.

    Raises:
        Problem: It was not downloaded.
    """
    script = cache.root() / _AXE / "axe.min.js"
    if not script.exists():
        msg = (
            "the tests of the fleet's page need axe-core, which Maven downloads; install Maven and run make test again"
        )
        raise Problem(msg)
    return script


def set_up() -> None:
    """Install what is missing, and print a notice for each part that this machine cannot install."""
    for step in (_set_up_browser, _set_up_axe):
        try:
            step()
        except Problem as problem:
            print(f"notice: {problem}", flush=True)


def _set_up_browser() -> None:
    try:
        find()
    except Problem:
        if not debian.is_possible():
            raise
    else:
        return
    debian.install("Installing Chromium and its driver", *_PACKAGES, log="chromium", expected="90 MB, about 20 s")
    find()


def _set_up_axe() -> None:
    with cache.locked(_AXE):
        if (cache.root() / _AXE / "axe.min.js").exists():
            return
        maven = shutil.which("mvn")
        if maven is None:
            axe()
            return
        with cache.building(_AXE) as work:
            progress.run(
                f"Downloading axe-core {AXE_VERSION} with Maven",
                [maven, "-B", "-ntp", _COPY, f"-Dartifact={_AXE_ARTIFACT}", f"-DoutputDirectory={work}"],
                log="axe-core",
                cwd=work,
            )
            archive = work / f"selenium-{AXE_VERSION}.jar"
            with zipfile.ZipFile(archive) as content:
                script = content.read("axe.min.js")
            archive.unlink()
            found = hashlib.sha256(script).hexdigest()
            if found != _AXE_SHA256:
                msg = f"axe.min.js of {_AXE_ARTIFACT} has checksum {found}, expected {_AXE_SHA256}"
                raise Problem(msg)
            (work / "axe.min.js").write_bytes(script)
