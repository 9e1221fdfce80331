"""Provides PostgreSQL's programs for the test of the state backend: those on this machine, or Debian's package.

This module starts no server. The test starts and stops its own.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from tools import debian
from tools.problem import Problem

_CLUSTERS: Final = Path("/etc/postgresql-common/createcluster.conf")
REMEDY: Final = (
    "the test of the PostgreSQL backend needs its server; install the package postgresql (Debian), or put initdb, "
    "postgres and psql on PATH"
)


def find() -> Path:
    """Return the folder of initdb, postgres and psql.

    Raises:
        Problem: They are not installed.
    """
    on_path = shutil.which("initdb")
    # Debian installs them outside PATH, in one folder per version.
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if all((folder / name).exists() for name in ("initdb", "postgres", "psql")):
            return folder
    raise Problem(REMEDY)


def set_up() -> None:
    """Install what is missing, or print a notice if this machine cannot install it."""
    try:
        find()
    except Problem as problem:
        if not debian.is_possible():
            print(f"notice: {problem}", flush=True)
            return
        debian.install(
            "Installing the common files of PostgreSQL's packages",
            "postgresql-common",
            log="postgresql",
            expected="10 MB",
        )
        # By default, the package creates and starts a server for the whole machine.
        settings = _CLUSTERS.read_text(encoding="utf-8") if _CLUSTERS.exists() else ""
        _CLUSTERS.write_text(f"{settings}\ncreate_main_cluster = false\n", encoding="utf-8")
        debian.install("Installing PostgreSQL", "postgresql", log="postgresql", expected="20 MB, about 15 s")
        find()
