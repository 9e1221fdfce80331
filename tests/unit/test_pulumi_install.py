"""A plain `pulumi install` prepares enough for the program to run."""

from __future__ import annotations

import subprocess
import sys
import sysconfig
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
_PROGRAM = """
import runpy, sys
sys.path.append({packages!r})
runpy.run_path({program!r}, run_name="__main__")
"""


def test_it_installs_the_locked_packages() -> None:
    """`pulumi install` installs what requirements.txt names, with hashes."""
    lines = (CHECKOUT / "requirements.txt").read_text(encoding="utf-8").splitlines()

    assert [line for line in lines if not line.startswith("#")] == ["-r requirements.lock"]


def test_the_program_needs_no_installed_project(tmp_path: Path) -> None:
    """With the packages alone, the program gets as far as its settings: -S hides this checkout's own installation."""
    code = _PROGRAM.format(packages=sysconfig.get_path("purelib"), program=str(CHECKOUT / "__main__.py"))

    ended = subprocess.run(
        [sys.executable, "-S", "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(CHECKOUT)},  # the language host adds the program's folder
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert "azuread:tenantId: not set" in ended.stderr
