"""Installs Debian's packages that only tests need, where that is possible: as root, with apt-get.

Debian's archive keeps only the newest of each release, so that a version cannot be pinned.
"""

from __future__ import annotations

import os
import shutil
from typing import Final

from tools import cache, progress

_APT: Final = ("apt-get", "-o", "DPkg::Lock::Timeout=300")


def is_possible() -> bool:
    """Tell whether packages can be installed here."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(title: str, *packages: str, log: str, expected: str) -> None:
    """Install packages; without what they merely recommend.

    Args:
        title: What the operator is told.
        packages: Names.
        log: Name of the log.
        expected: How much and how long.
    """
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with cache.locked("debian"):
        progress.run("Reading Debian's package lists", [*_APT, "update"], log="apt-update", env=environment)
        progress.run(
            title,
            [*_APT, "install", "--yes", "--no-install-recommends", *packages],
            log=log,
            expected=expected,
            env=environment,
        )


def need(program: str, use: str) -> None:
    """Install the package of a program's own name if it is missing, as far as this machine allows; else say so.

    Args:
        program: On PATH.
        use: What needs it, as in "the test of docs/credentials.md".
    """
    if shutil.which(program) is not None:
        return
    if not is_possible():
        print(f"notice: {use} needs {program}, which is not on PATH: install it", flush=True)
        return
    install(f"Installing {program}", program, log=program, expected="1 MB")
