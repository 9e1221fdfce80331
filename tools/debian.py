"""Installs Debian packages that only tests need. Requires root and apt-get.

Debian's archive keeps only the newest version of a package in each release, so versions cannot be pinned.
"""

from __future__ import annotations

import os
import shutil
from typing import Final

from tools import cache, progress

_APT: Final = ("apt-get", "-o", "DPkg::Lock::Timeout=300")


def is_possible() -> bool:
    """Return whether packages can be installed on this machine."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(title: str, *packages: str, log: str, expected: str) -> None:
    """Install packages without the packages that they only recommend.

    Args:
        title: What the terminal shows.
        packages: Names of the packages.
        log: Name of the log.
        expected: Size and duration, for the terminal.
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
    """Install the package with a program's name if the program is missing, or print a notice if that is not possible.

    Args:
        program: The program, which must be on PATH.
        use: What needs it, for example "the test of docs/credentials.md".
    """
    if shutil.which(program) is not None:
        return
    if not is_possible():
        print(f"notice: {use} needs {program}, which is not on PATH; install it", flush=True)
        return
    install(f"Installing {program}", program, log=program, expected="1 MB")
