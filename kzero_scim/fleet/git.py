"""Runs git commands that may fail without harm, and explains git's errors. Must not know the fleet."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from kzero_scim.display import one_line, plain
from kzero_scim.errors import SettingsError
from kzero_scim.secret_variables import without_secrets


def asked(folder: Path, *arguments: str) -> str:
    """Return what a git command prints, "" if it fails, for example without git or a repository."""
    done = _run(folder, arguments)
    return _printed(done) if done is not None and done.returncode == 0 else ""


def listed_by_git(folder: Path) -> frozenset[str]:
    """Return the files of a folder that git tracks; none without git or a repository.

    Raises:
        SettingsError: Git refuses to say, for example because another user owns the repository.
    """
    done = _run(folder, ("ls-files", "-z", "--", "."))
    if done is None or (done.returncode and b"not a git repository" in done.stderr):
        return frozenset()
    if done.returncode:
        message = f"cannot find out which files of {plain(str(folder))} git tracks: {reason_in(done.stderr)}"
        raise SettingsError(message)
    return frozenset(_printed(done).split("\0"))


def commit_of(folder: Path) -> str:
    """Return a folder's commit, with ``+`` appended if it has changes or git does not say; "" without a commit."""
    commit = asked(folder, "rev-parse", "HEAD")
    if not commit:
        return ""
    done = _run(folder, ("status", "--porcelain", "--untracked-files=no"))
    is_clean = done is not None and done.returncode == 0 and not done.stdout.strip()
    return commit if is_clean else f"{commit}+"


def reason_in(stderr: bytes) -> str:
    """Return git's error in one line: its first paragraph, and the next if it introduces a remedy with a colon."""
    paragraphs = stderr.decode(errors="replace").strip("\n").split("\n\n")
    said = [paragraphs[0]]
    for paragraph in paragraphs[1:]:
        if not said[-1].rstrip().endswith(":"):
            break
        said.append(paragraph)
    return one_line(" ".join(" ".join(said).split()))


def _printed(done: subprocess.CompletedProcess[bytes]) -> str:
    return done.stdout.decode(errors="surrogateescape").strip("\n")


def _run(folder: Path, arguments: tuple[str, ...]) -> subprocess.CompletedProcess[bytes] | None:
    """Run git; None if it cannot be started."""
    try:
        return subprocess.run(  # noqa: S603 - fixed program, no shell
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the operator's own git
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            env={**without_secrets(os.environ), "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"},
        )
    except OSError:
        return None
