"""gitops/take_stacks.py takes only regular files below stacks/ of a pull request, and says why it refuses others."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "gitops" / "take_stacks.py"
PROVIDER = "azurekeyvault://contoso.vault.azure.net/keys/pulumi"


class Checkout:
    """A clone whose branch main is checked out, and a pull request's branch that starts there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir()
        self.git("init", "--quiet", "--initial-branch=main")
        self.write("fleet.yaml", "exclude: []\n")
        self.write("program.py", "base = 1\n")
        self.write("stacks/Pulumi.a.yaml", "config: {}\n")
        self.write("stacks/Pulumi.b.yaml", f"secretsprovider: {PROVIDER}\nconfig: {{}}\n")
        self.commit()
        self.git("checkout", "--quiet", "-b", "change")

    def git(self, *arguments: str) -> str:
        """Run git and return what it prints."""
        identity = ["-c", "user.name=Operator", "-c", "user.email=operator@example.com", "-c", "commit.gpgsign=false"]
        return subprocess.run(
            ["git", "-C", self.folder, *identity, *arguments],  # noqa: S607 - the one on PATH
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    def write(self, path: str, text: str) -> None:
        """Write a file of the working tree."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def commit(self) -> str:
        """Commit everything and return the commit."""
        self.git("add", "--all", "--force")
        self.git("commit", "--quiet", "--message", "Change")
        return self.git("rev-parse", "HEAD")

    def take(self, commit: str = "") -> subprocess.CompletedProcess[str]:
        """Commit the branch, check out main and take the branch's files."""
        commit = commit or self.commit()
        self.git("checkout", "--quiet", "--force", "main")
        self.git("clean", "--quiet", "-ffdx")
        return subprocess.run(
            [sys.executable, SCRIPT, commit],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"]},
            capture_output=True,
            text=True,
            check=False,
        )

    def refused(self, commit: str = "") -> str:
        """Take the files, which must fail and change nothing, and return the error."""
        done = self.take(commit)
        assert (done.returncode, done.stdout) == (1, "")
        assert self.git("status", "--porcelain") == ""
        [line] = done.stderr.splitlines()
        assert line.isprintable()
        return line


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "clone")


def test_only_files_below_stacks_are_taken(checkout: Checkout) -> None:
    checkout.write("program.py", "raise SystemExit('code of the pull request')\n")
    checkout.write("fleet.yaml", "credentials: {command: [./evil]}\n")
    checkout.write("other/stacks/Pulumi.x.yaml", "config: {}\n")
    checkout.write("stacks/Pulumi.a.yaml", "config: {x: 1}\n")
    checkout.write("stacks/users/new.txt", "someone@example.com\n")
    (checkout.folder / "stacks" / "Pulumi.b.yaml").unlink()

    done = checkout.take()

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    changed = checkout.git("status", "--porcelain", "--untracked-files=all").splitlines()
    assert sorted(line.split()[1] for line in changed) == [
        "stacks/Pulumi.a.yaml",
        "stacks/Pulumi.b.yaml",
        "stacks/users/new.txt",
    ]
    assert (checkout.folder / "stacks" / "Pulumi.a.yaml").read_text() == "config: {x: 1}\n"


def test_what_the_base_branch_changed_since_is_kept(checkout: Checkout) -> None:
    """The result is that of a merge, so a branch that is behind does not undo what others merged."""
    checkout.write("stacks/Pulumi.a.yaml", "config: {x: 1}\n")
    commit = checkout.commit()
    checkout.git("checkout", "--quiet", "main")
    checkout.write("stacks/Pulumi.c.yaml", "config: {}\n")
    checkout.commit()

    assert checkout.take(commit).returncode == 0
    assert checkout.git("status", "--porcelain") == "M stacks/Pulumi.a.yaml"


def test_a_conflict_outside_stacks_does_not_matter(checkout: Checkout) -> None:
    checkout.write("stacks/Pulumi.a.yaml", "config: {x: 1}\n")
    checkout.write("program.py", "base = 2\n")
    commit = checkout.commit()
    checkout.git("checkout", "--quiet", "main")
    checkout.write("program.py", "base = 3\n")
    checkout.commit()

    assert checkout.take(commit).returncode == 0
    assert (checkout.folder / "program.py").read_text() == "base = 3\n"


def test_a_conflict_in_stacks_is_named(checkout: Checkout) -> None:
    checkout.write("stacks/Pulumi.a.yaml", "config: {x: 1}\n")
    commit = checkout.commit()
    checkout.git("checkout", "--quiet", "main")
    checkout.write("stacks/Pulumi.a.yaml", "config: {x: 2}\n")
    checkout.commit()

    assert "conflicts with the base branch in stacks/Pulumi.a.yaml" in checkout.refused(commit)


def test_a_file_becomes_a_folder_and_a_folder_a_file(checkout: Checkout) -> None:
    checkout.git("checkout", "--quiet", "main")
    checkout.write("stacks/one/users.txt", "1\n")
    checkout.write("stacks/two", "2\n")
    checkout.commit()
    checkout.git("checkout", "--quiet", "-B", "change")
    checkout.git("rm", "--quiet", "-r", "stacks/one", "stacks/two")
    checkout.write("stacks/one", "1\n")
    checkout.write("stacks/two/users.txt", "2\n")

    assert checkout.take().returncode == 0
    assert (checkout.folder / "stacks" / "one").read_text() == "1\n"
    assert (checkout.folder / "stacks" / "two" / "users.txt").read_text() == "2\n"


def _link_to_a_file(checkout: Checkout) -> None:
    (checkout.folder / "stacks" / "Pulumi.a.yaml").unlink()
    (checkout.folder / "stacks" / "Pulumi.a.yaml").symlink_to("../credentials/b.env")


def _link_to_a_folder(checkout: Checkout) -> None:
    (checkout.folder / "stacks" / "etc").symlink_to("/etc")


def _link_as_stacks(checkout: Checkout) -> None:
    checkout.git("rm", "--quiet", "-r", "stacks")
    (checkout.folder / "stacks").symlink_to("/etc")


def _submodule(checkout: Checkout) -> None:
    blob = checkout.git("rev-parse", "HEAD")
    checkout.git("update-index", "--add", "--cacheinfo", f"160000,{blob},stacks/module")
    checkout.git("commit", "--quiet", "--message", "Submodule")


def _large(checkout: Checkout) -> None:
    checkout.write("stacks/users.txt", "x" * (16 * 1024 * 1024 + 1))


def _line_break(checkout: Checkout) -> None:
    checkout.write("stacks/Pulumi.a\n::error::x\x1b[2J\u202e.yaml", "config: {}\n")


def _secrets_provider(checkout: Checkout) -> None:
    checkout.write("stacks/Pulumi.a.yaml", "secretsprovider: awskms://x?endpoint=evil.example\n")


def _esc_environment(checkout: Checkout) -> None:
    checkout.write("stacks/Pulumi.a.yaml", "environment: [production]\n")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_link_to_a_file, "stacks/Pulumi.a.yaml is a symbolic link; commit a regular file instead"),
        (_link_to_a_folder, "stacks/etc is a symbolic link"),
        (_link_as_stacks, "stacks is a symbolic link"),
        (_submodule, "stacks/module is a submodule"),
        (_large, "stacks/users.txt is larger than 16 MB"),
        (_line_break, r"the name stacks/Pulumi.a\n: :error::x\x1b[2J\u202e.yaml contains invisible characters"),
        (
            _secrets_provider,
            "stacks/Pulumi.a.yaml: secretsprovider is awskms://x?endpoint=evil.example, which no stack",
        ),
        (_esc_environment, "stacks/Pulumi.a.yaml: environment is ['production'], which no stack file"),
    ],
    ids=lambda value: value.__name__.strip("_") if callable(value) else "",
)
def test_anything_else_is_refused(checkout: Checkout, change: Callable[[Checkout], None], said: str) -> None:
    change(checkout)
    commit = checkout.git("rev-parse", "HEAD") if change is _submodule else ""

    assert said in checkout.refused(commit)


def test_a_provider_that_the_base_branch_has_is_taken(checkout: Checkout) -> None:
    checkout.write("stacks/Pulumi.a.yaml", f"secretsprovider: {PROVIDER}\n")

    assert checkout.take().returncode == 0


def test_a_stack_file_that_cannot_be_read_is_its_tenants_failure_and_taken(checkout: Checkout) -> None:
    checkout.write("stacks/Pulumi.a.yaml", "config: &x {}\n")

    assert checkout.take().returncode == 0


def test_hidden_files_are_left_out(checkout: Checkout) -> None:
    """A .gitignore would hide new stack files from the selection of tenants."""
    checkout.write("stacks/.gitignore", "*\n")
    checkout.write("stacks/.git-hooks/x", "#!/bin/sh\n")
    checkout.write("stacks/Pulumi.c.yaml", "config: {}\n")

    done = checkout.take()

    assert done.stdout.splitlines() == [
        "notice: stacks/.git-hooks/x was left out because its name begins with a full stop",
        "notice: stacks/.gitignore was left out because its name begins with a full stop",
    ]
    assert checkout.git("diff", "--name-only", "HEAD") == "stacks/Pulumi.c.yaml"


def test_new_files_are_tracked(checkout: Checkout) -> None:
    """kzero-scim refuses a credential file that git tracks, and the pull request's are no exception."""
    checkout.git("checkout", "--quiet", "main")
    checkout.write(".gitignore", "*.env\n")
    checkout.commit()
    checkout.git("checkout", "--quiet", "-B", "change")
    checkout.write("stacks/credentials/a.env", "KZERO_SERVER_URL=https://evil.example\n")

    assert checkout.take().returncode == 0
    assert checkout.git("ls-files", "stacks/credentials") == "stacks/credentials/a.env"


def test_a_file_that_was_executable_is_not(checkout: Checkout) -> None:
    checkout.write("stacks/run.txt", "#!/bin/sh\n")
    (checkout.folder / "stacks" / "run.txt").chmod(0o755)

    assert checkout.take().returncode == 0
    assert not os.access(checkout.folder / "stacks" / "run.txt", os.X_OK)


@pytest.mark.parametrize("commit", ["HEAD", "change", "--help", "0" * 39, "$(id)", "0" * 40])
def test_only_a_known_commit_is_merged(checkout: Checkout, commit: str) -> None:
    """Names of branches are never read: what they mean can change between two jobs."""
    line = checkout.refused(commit)

    assert ("is not in this clone" if commit == "0" * 40 else "is not the full ID of a commit") in line
