"""Tests of which tenants changes affect, with real git."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kzero_scim.errors import SettingsError
from kzero_scim.fleet.changes import of_files
from kzero_scim.fleet.git import listed_by_git
from kzero_scim.fleet.project import FleetProject
from kzero_scim.fleet.selection import Selected, Selection, select


class Repository:
    """A git repository with a fleet at its top or in a folder."""

    def __init__(self, top: Path, folder: Path) -> None:
        self.top, self.folder = top, folder

    def git(self, *arguments: str) -> str:
        """Run git with a user name."""
        identity = ["-c", "user.name=Operator", "-c", "user.email=operator@example.com", "-c", "commit.gpgsign=false"]
        return subprocess.run(
            ["git", "-C", str(self.top), *identity, "-c", "protocol.file.allow=always", *arguments],  # noqa: S607
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    def write(self, path: str, text: str) -> None:
        """Write a file of the project."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def commit(self, message: str) -> None:
        """Commit everything."""
        self.git("add", "--all")
        self.git("commit", "--quiet", f"--message={message}")

    def changed(self, since: str = "main") -> Selected:
        """Return the tenants that changes affect."""
        return select(FleetProject.load(self.folder), Selection(changed_since=since))


def _fleet(top: Path, folder: Path) -> Repository:
    made = Repository(top, folder)
    made.write("Pulumi.yaml", "name: kzero-scim\nruntime: python\n")
    made.write("__main__.py", "")
    made.write("fleet.yaml", "exclude: [example]\ncredentials: {files: credentials}\n")
    made.write("stacks/Pulumi.example.yaml", "config: {}\n")
    for tenant in ("alpha", "beta", "gamma"):
        # So different that git does not take one for another's new name.
        users = f"  kzero-scim:users: [{', '.join(f'{tenant}{number}@{tenant}.example' for number in range(9))}]\n"
        made.write(f"stacks/Pulumi.{tenant}.yaml", f"config:\n{users}")
    made.write("stacks/Pulumi.delta.yaml", "config:\n  kzero-scim:usersFile: ./stacks/delta-users.txt\n")
    made.write("stacks/delta-users.txt", "alex@delta.example\n")
    made.git("init", "--quiet", "--initial-branch=main")
    made.commit("The fleet")
    made.git("switch", "--quiet", "--create", "change")
    return made


@pytest.fixture(params=["", "infrastructure/tenants"], ids=["at the top", "in a subfolder"])
def repository(tmp_path: Path, request: pytest.FixtureRequest) -> Repository:
    """A fleet on a branch, at the top of a repository and in a folder."""
    return _fleet(tmp_path, tmp_path / request.param)


def _names(found: Selected) -> list[str]:
    return [tenant.name for tenant in found.tenants]


def test_a_change_is_that_of_the_branch_committed_staged_and_not(repository: Repository) -> None:
    """Only the branch's changes count, with uncommitted and untracked files, not those of main."""
    repository.write("stacks/Pulumi.alpha.yaml", "config: {}\n")
    repository.commit("Change alpha")
    repository.git("switch", "--quiet", "main")
    repository.write("stacks/Pulumi.beta.yaml", "config: {}\n")
    repository.commit("Change beta on main")
    repository.git("switch", "--quiet", "change")
    repository.write("stacks/delta-users.txt", "robin@delta.example\n")
    repository.git("add", "--all")
    repository.write("stacks/Pulumi.omega.yaml", "config: {}\n")
    repository.write("stacks/Pulumi.example.yaml", "config: {a: 1}\n")

    found = repository.changed()

    assert (_names(found), found.notes) == (["alpha", "delta", "omega"], [])
    assert _names(repository.changed("HEAD")) == ["delta", "omega"]


def test_nothing_changed_is_told_and_no_error(repository: Repository) -> None:
    """A change of documents selects no tenant, with a note and without an error."""
    repository.write("README.md", "Read me.\n")
    repository.commit("Document")

    found = repository.changed()

    assert found.tenants == []
    assert found.notes == ["no tenant selected: changes since main affect none"]


@pytest.mark.parametrize("path", ["__main__.py", "Pulumi.yaml", "fleet.yaml", "requirements.lock", "components/a.py"])
def test_code_and_settings_of_all_touch_everybody(repository: Repository, path: str) -> None:
    """A change of code or shared settings selects all tenants, and the note names the file."""
    kept = (repository.folder / path).read_text() if (repository.folder / path).exists() else ""
    repository.write(path, f"{kept}# changed\n")

    found = repository.changed()

    assert _names(found) == ["alpha", "beta", "delta", "gamma"]
    assert found.notes == [f"all tenants are affected by changes since main: {path}"]


def test_a_renamed_stack_file_is_told_with_what_pulumi_needs(repository: Repository) -> None:
    """A renamed stack file selects the new name, and the note says how to rename the stack."""
    repository.git("mv", f"{repository.folder}/stacks/Pulumi.beta.yaml", f"{repository.folder}/stacks/Pulumi.b2.yaml")

    found = repository.changed()

    assert _names(found) == ["b2"]
    assert "\n".join(found.notes) == (
        "the stack file of beta was renamed to b2, but the stack in the backend was not; run "
        "`pulumi stack rename b2 --stack beta`, or b2 will be set up as a second tenant"
    )


def test_a_removed_stack_file_is_told_with_the_tenant(repository: Repository) -> None:
    """A deleted stack file causes a note, because nothing destroys its stack."""
    (repository.folder / "stacks" / "Pulumi.delta.yaml").unlink()
    (repository.folder / "stacks" / "delta-users.txt").unlink()
    repository.commit("Remove delta")

    found = repository.changed()

    assert found.tenants == []
    gone, nobody = found.notes
    assert gone == (
        "the stack file of delta was deleted; this changes neither side. If its stack still exists, restore the file "
        "and run `pulumi destroy --stack delta`"
    )
    assert nobody == "no tenant selected: changes since main affect none"


def test_a_lock_file_above_the_project_touches_everybody_and_other_folders_nobody(tmp_path: Path) -> None:
    """A lock file above the project affects all tenants; other folders affect none."""
    repository = _fleet(tmp_path, tmp_path / "tenants")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "program.py").write_text("")
    (tmp_path / "other" / "requirements.lock").write_text("")

    assert _names(repository.changed()) == []
    (tmp_path / "uv.lock").write_text("")
    assert repository.changed().notes == ["all tenants are affected by changes since main: ../uv.lock"]


@pytest.mark.parametrize(
    ("revision", "words"),
    [
        ("origin/main", "unknown revision; list branches with `git branch --all`"),
        ("--output=x", "unknown revision"),
        ("0" * 40, "a new branch has no earlier commit; compare with the target branch of the merge instead"),
    ],
)
def test_an_unknown_revision_is_told(repository: Repository, revision: str, words: str) -> None:
    """An unknown revision is an error, and git never reads it as an option."""
    with pytest.raises(SettingsError) as caught:
        repository.changed(revision)

    assert str(caught.value).startswith(f"--changed-since {revision}: {words}")


@pytest.mark.parametrize("revision", ["origin/main", "HEAD~1"])
def test_a_shallow_clone_names_the_remedy(tmp_path: Path, revision: str) -> None:
    """In a shallow clone, the error says how to fetch the whole history."""
    origin = _fleet(tmp_path / "origin", tmp_path / "origin")
    origin.write("stacks/Pulumi.alpha.yaml", "config: {}\n")
    origin.commit("Change alpha")
    clone = tmp_path / "clone"
    origin.git("clone", "--quiet", "--depth=1", "--branch=change", f"file://{origin.top}", str(clone))

    with pytest.raises(SettingsError, match=r"this clone is shallow; clone the whole history \(GitHub: fetch-depth: 0"):
        Repository(clone, clone).changed(revision)


def test_a_shallow_clone_that_has_the_other_branch_but_no_common_commit_names_it_too(tmp_path: Path) -> None:
    """Two shallow fetches without a common commit cause the same advice."""
    origin = _fleet(tmp_path / "origin", tmp_path / "origin")
    origin.write("stacks/Pulumi.alpha.yaml", "config: {}\n")
    origin.commit("Change alpha")
    clone = tmp_path / "clone"
    origin.git("clone", "--quiet", "--depth=1", "--branch=change", f"file://{origin.top}", str(clone))
    made = Repository(clone, clone)
    made.git("fetch", "--quiet", "--depth=1", "origin", "main:refs/remotes/origin/main")

    with pytest.raises(SettingsError, match=r"it has no common commit with HEAD; .*fetch-depth: 0"):
        made.changed("origin/main")


def test_a_folder_outside_of_git_is_told(tmp_path: Path) -> None:
    """Outside of a repository, the error contains git's own words."""
    repository = _fleet(tmp_path, tmp_path)
    (tmp_path / ".git").rename(tmp_path / "not-git")

    with pytest.raises(
        SettingsError, match=r"--changed-since: git rev-parse failed in .*: fatal: not a git repository"
    ):
        repository.changed()


@pytest.mark.parametrize(
    ("files", "everybody", "tenants"),
    [
        (["credentials/beta.env"], (), {"beta"}),
        (
            ["stacks/notes.txt", "docs/fleet.md", ".github/workflows/up.yml", "tests/test_a.py", "a/.gitignore"],
            (),
            set(),
        ),
        ([".python-version"], (".python-version",), set()),
        (["../a/b.lock", "../README.md", "../../pyproject.toml"], ("../../pyproject.toml",), set()),
    ],
)
def test_a_file_touches_its_own_tenants_all_or_none(
    tmp_path: Path, files: list[str], everybody: tuple[str, ...], tenants: set[str]
) -> None:
    """A file affects its tenant, all tenants or none."""
    repository = _fleet(tmp_path, tmp_path)

    found = of_files(FleetProject.load(repository.folder), files)

    assert (found.everybody, set(found.tenants), found.notes) == (everybody, tenants, [])


def test_a_repository_of_another_user_comes_with_gits_own_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error contains the command that git gives, for the whole repository."""
    repository = _fleet(tmp_path, tmp_path)
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")

    with pytest.raises(SettingsError) as refused:
        repository.changed()

    assert "dubious ownership" in str(refused.value)
    assert f"git config --global --add safe.directory {tmp_path}" in str(refused.value)
    assert "\n" not in str(refused.value)


def test_secrets_are_not_used_while_git_does_not_say_whether_it_tracks_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If git refuses the repository, the files that it tracks are unknown, not none."""
    _fleet(tmp_path, tmp_path)
    assert listed_by_git(tmp_path / "stacks")
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")

    with pytest.raises(SettingsError, match=r"cannot find out which files .* safe\.directory"):
        listed_by_git(tmp_path)


def test_a_folder_outside_of_a_repository_has_no_tracked_files(tmp_path: Path) -> None:
    """Without a repository, git tracks nothing."""
    assert listed_by_git(tmp_path) == frozenset()
