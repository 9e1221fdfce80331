"""gitops/matrix.sh gives the following jobs only valid names, whatever files a pull request contains."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
NAMES = [
    "x\n##vso[task.setvariable variable=PATH]y",
    "x\njobs=99",
    "x ##vso[task.complete]",
    "x ##[error]y",
    "::error::y",
    "$(touch pwned)",
    "a b",
    "\u202etxt",
    "\x1b]0;y\x07",
]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Return a checkout with a valid tenant and one tenant with each of the names."""
    (tmp_path / "stacks").mkdir()
    shutil.copytree(ROOT / "gitops", tmp_path / "gitops")
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path)
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "bin").symlink_to(Path(sys.executable).parent)
    for arguments in (["init", "--quiet"], ["commit", "--quiet", "--allow-empty", "--message", "Begin"]):
        identity = ["-c", "user.name=Operator", "-c", "user.email=operator@example.com", "-c", "commit.gpgsign=false"]
        subprocess.run(["git", *identity, *arguments], cwd=tmp_path, check=True)  # noqa: S607 - the one on PATH
    (tmp_path / ".git" / "info" / "exclude").write_text("/gitops/\n/.venv\n/Pulumi.yaml\n")
    for name in ("valid", *NAMES):
        (tmp_path / "stacks" / f"Pulumi.{name}.yaml").write_text("config: {}\n")
    return tmp_path


@pytest.mark.parametrize("platform", ["github", "azure"])
def test_hostile_names_reach_no_other_job(checkout: Path, platform: str) -> None:
    outputs = checkout / "outputs"
    environment = {"PATH": os.environ["PATH"], "PLATFORM": platform, "COMMAND": "preview", "BASE": "HEAD"}

    done = subprocess.run(
        [checkout / "gitops" / "matrix.sh"],
        env={**environment, "GITHUB_OUTPUT": str(outputs), "HOME": str(checkout)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    lines = done.stdout.splitlines()
    if platform == "github":
        found = dict(line.split("=", 1) for line in outputs.read_text().splitlines())
        entries = json.loads(found["matrix"])["include"]
    else:
        commands = [line for line in lines if line.startswith("##vso[task.setvariable variable=")]
        lines = [line for line in lines if line not in commands]
        found = dict(
            line.removeprefix("##vso[task.setvariable variable=").split(";isOutput=true]", 1) for line in commands
        )
        entries = list(json.loads(found["matrix"]).values())
    assert list(found) == ["matrix", "jobs", "base", "head"]
    assert found["jobs"] == "1"
    assert [entry["tenants"] for entry in entries] == ["valid"]
    shown = "\n".join(lines)
    assert not any(bad in shown for bad in ("##vso[", "##[", "::error::", "\x1b", "\x07", "\u202e"))
    assert not (checkout / "pwned").exists()
