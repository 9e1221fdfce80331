"""gitops/common.sh turns CONFIRMATIONS into the variables that confirm risky changes."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

GITOPS = Path(__file__).parents[3] / "gitops"


def _confirm(folder: Path, text: str) -> subprocess.CompletedProcess[str]:
    """Source common.sh with this value of CONFIRMATIONS and print the confirmations in the environment."""
    (folder / "gitops").mkdir()
    shutil.copy(GITOPS / "common.sh", folder / "gitops")
    script = "source gitops/common.sh\nunset CONFIRMATIONS\nenv | grep ^KZERO_SCIM_CONFIRM | sort"
    return subprocess.run(
        ["bash", "-c", script],  # noqa: S607 - the one on PATH
        cwd=folder,
        env={"PATH": os.environ["PATH"], "CONFIRMATIONS": text},
        capture_output=True,
        text=True,
        check=False,
    )


def test_each_line_confirms_for_its_tenant(tmp_path: Path) -> None:
    """A value may hold several confirmations, and a browser's line ends do not matter."""
    done = _confirm(
        tmp_path,
        "KZERO_SCIM_CONFIRM__CONTOSO=unassign=31\r\n\r\nKZERO_SCIM_CONFIRM__FABRIKAM_EU=move=A move=kzero.example\r\n",
    )

    assert done.stdout.splitlines() == [
        "KZERO_SCIM_CONFIRM__CONTOSO=unassign=31",
        "KZERO_SCIM_CONFIRM__FABRIKAM_EU=move=A move=kzero.example",
    ]


def test_a_refused_line_shows_control_characters_as_escapes(tmp_path: Path) -> None:
    done = _confirm(tmp_path, "PATH=\x1b[2J")

    assert "\x1b" not in done.stderr
    assert r"$'PATH=\E[2J'" in done.stderr


@pytest.mark.parametrize(
    "line", ["KZERO_SCIM_CONFIRM=unassign=31", "PATH=/tmp", "KZERO_SCIM_CONFIRM__CONTOSO", "contoso: unassign=31"]
)
def test_anything_but_a_tenants_confirmation_is_refused(tmp_path: Path, line: str) -> None:
    """No other variable can be set in this way."""
    done = _confirm(tmp_path, line)

    assert done.returncode == 1
    assert done.stderr == (
        f"error: CONFIRMATIONS: each line must be KZERO_SCIM_CONFIRM__<TENANT>=<value>, not '{line}'\n"
    )
