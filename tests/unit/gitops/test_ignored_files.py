"""Git ignores credential files wherever a copy of the project keeps them, and tracks the wrappers in gitops/."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("credentials/fabrikam.env", True),
        ("credentials/fabrikam.json", True),
        ("tenants/credentials/fabrikam.env", True),
        ("gitops/credentials/fabrikam.env", True),
        ("gitops/credentials/from-vault", False),
        ("kzero_scim/fleet/credentials/credentials.py", False),
        ("stacks/Pulumi.fabrikam.yaml", False),
    ],
)
def test_credential_files_are_ignored(tmp_path: Path, path: str, *, ignored: bool) -> None:
    shutil.copy(ROOT / ".gitignore", tmp_path)
    subprocess.run(["git", "init", "--quiet"], cwd=tmp_path, check=True)  # noqa: S607 - the one on PATH
    (tmp_path / path).parent.mkdir(parents=True)
    (tmp_path / path).touch()

    done = subprocess.run(["git", "check-ignore", "--quiet", path], cwd=tmp_path, check=False)  # noqa: S607

    assert (done.returncode == 0) is ignored
