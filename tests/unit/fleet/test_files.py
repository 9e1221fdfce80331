"""Tests of which files are the program, for `--changed-since` and the fingerprint of `--resume`."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kzero_scim.fleet.changes import changed
from kzero_scim.fleet.files import program_files
from kzero_scim.fleet.project import FleetProject
from kzero_scim.fleet.run.fingerprint import Fingerprints

PROGRAM = ["Pulumi.yaml", "__main__.py", "fleet.yaml", "offices/emea.py", "requirements.txt", "template.json", "new.py"]
OTHERS = [
    *("README.md", "docs/start.rst", "tests/test_offices.py", "gitops/job.yml", ".github/workflows/up.yml"),
    *("tools/report.py", "stacks/notes.txt", "ignored/cache.py", "LICENSE"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project in a folder of a repository, committed except for one new module."""
    folder = tmp_path / "tenants"
    for path in (*PROGRAM, *OTHERS):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("")
    (folder / "Pulumi.yaml").write_text("name: tenants\nruntime: python\n")
    (folder / "fleet.yaml").write_text("unrelated: [tools/*]\ncredentials: {files: credentials}\n")
    (folder / ".gitignore").write_text("ignored/\ncredentials/\n")
    (folder / "stacks" / "Pulumi.alfa.yaml").write_text("config: {kzero-scim:usersFile: stacks/users.txt}\n")
    (folder / "stacks" / "Pulumi.bravo.yaml").write_text("config: {}\n")
    (folder / "stacks" / "users.txt").write_text("alex@alfa.example\n")
    (folder / "credentials").mkdir()
    (folder / "credentials" / "bravo.env").write_text("")
    (folder / "offices" / "__pycache__").mkdir()
    (tmp_path / "uv.lock").write_text("")
    return folder


def commit(top: Path) -> None:
    """Create the repository."""
    git = ["git", "-C", str(top), "-c", "user.name=Operator", "-c", "user.email=operator@example.com"]
    for words in (["init", "--quiet"], ["add", "--all"], ["reset", "--quiet", "tenants/new.py"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    subprocess.run([*git, "commit", "--quiet", "--message=All"], check=True, capture_output=True)


def test_the_program_is_what_git_follows_or_does_not_ignore(folder: Path) -> None:
    """The program includes a lock file above the project, but no documents, tests or tenants' files."""
    subprocess.run(["git", "-C", str(folder.parent), "init", "--quiet"], check=True)  # noqa: S607 - any git

    assert program_files(FleetProject.load(folder)) == sorted(["../uv.lock", *PROGRAM])


def test_without_a_repository_every_file_counts_that_is_not_hidden(folder: Path) -> None:
    """Without a repository, all files count except hidden ones, such as a local backend's states."""
    (folder / "states" / ".pulumi").mkdir(parents=True)
    (folder / "states" / ".pulumi" / "alfa.json").write_text("{}")
    (folder / "offices" / "__pycache__" / "emea.pyc").write_text("")

    assert program_files(FleetProject.load(folder)) == sorted([*PROGRAM, "ignored/cache.py"])


@pytest.mark.parametrize(
    ("path", "touched"),
    [
        *((path, {"alfa", "bravo"}) for path in (*PROGRAM, "../uv.lock", "another.py")),
        *((path, set()) for path in (*OTHERS, "../other/module.py")),
        ("stacks/users.txt", {"alfa"}),
        ("stacks/Pulumi.bravo.yaml", {"bravo"}),
    ],
)
def test_a_resumed_up_runs_whom_a_change_touches(folder: Path, path: str, touched: set[str]) -> None:
    """`--resume` and `--changed-since` select the same tenants."""
    commit(folder.parent)
    (folder / "new.py").unlink()
    before = _fingerprints(folder)
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{file.read_text() if file.exists() else ''}# changed\n")

    project = FleetProject.load(folder)
    change = changed(project, "HEAD")

    assert {name for name in project.tenants if change.touches(name)} == touched
    assert {name for name, made in _fingerprints(folder).items() if made != before[name]} == touched


def _fingerprints(folder: Path) -> dict[str, str]:
    project = FleetProject.load(folder)
    made = Fingerprints(project)
    return {tenant.name: made.of(tenant) for tenant in project.tenants.values()}
