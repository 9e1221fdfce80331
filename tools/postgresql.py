"""A PostgreSQL server for the test of the state backend: the machine's own programs, or Debian's package.

No server is started here, and none is left running: the test starts one of its own.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from tools import debian
from tools.problem import Problem

_CLUSTERS: Final = Path("/etc/postgresql-common/createcluster.conf")
REMEDY: Final = (
    "the test of the PostgreSQL backend needs its server: install the package postgresql (Debian), or put initdb, "
    "postgres and psql on PATH"
)


def find() -> Path:
    """Give the folder of initdb, postgres and psql.

    Raises:
        Problem: There is none.
    """
    on_path = shutil.which("initdb")
    # Debian keeps them off PATH, a folder for each version.
    folders = [Path(on_path).resolve().parent] if on_path else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    for folder in folders:
        if all((folder / name).exists() for name in ("initdb", "postgres", "psql")):
            return folder
    raise Problem(REMEDY)


def set_up() -> None:
    """Install what is missing, as far as this machine allows; say in one line if it is still missing."""
    try:
        find()
    except Problem as problem:
        if not debian.is_possible():
            print(f"notice: {problem}", flush=True)
            return
        debian.install(
            "Installing what PostgreSQL's packages share", "postgresql-common", log="postgresql", expected="10 MB"
        )
        # The package would make and start a server of its own, for everybody on this machine.
        settings = _CLUSTERS.read_text(encoding="utf-8") if _CLUSTERS.exists() else ""
        _CLUSTERS.write_text(f"{settings}\ncreate_main_cluster = false\n", encoding="utf-8")
        debian.install("Installing PostgreSQL", "postgresql", log="postgresql", expected="20 MB, about 15 s")
        find()
