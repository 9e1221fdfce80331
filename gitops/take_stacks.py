#!/usr/bin/env python3
"""Takes the files below stacks/ of a pull request into the checkout of its base branch, and nothing else.

    take_stacks.py COMMIT

The result is stacks/ as it is after a merge of COMMIT into HEAD. Everything else stays that of HEAD, so no code of the
pull request runs. Only regular files of limited size are taken. What the Pulumi CLI obeys before the program can check
it (secretsprovider, environment) must be in a stack file of HEAD already.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kzero_scim.display import one_line, plain
from kzero_scim.errors import SettingsError
from kzero_scim.stack import safe_yaml

STACKS: Final = "stacks"
LARGEST: Final = 16 * 1024 * 1024
"""Bytes of one file, the limit of a usersFile."""
LARGEST_OF_ALL: Final = 256 * 1024 * 1024
MOST: Final = 20_000
"""Files that one pull request may change."""
_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REGULAR: Final = frozenset({"100644", "100755"})
_KINDS: Final = {"120000": "a symbolic link", "160000": "a submodule"}
_STACK_FILE: Final = re.compile(rf"{STACKS}/Pulumi\..+\.ya?ml")
_OBEYED: Final = ("secretsprovider", "environment")
_DEFAULTS: Final = (None, "", "default", "passphrase")


class RefusedError(Exception):
    """The pull request's files are not taken. The text says in one line why, and what to do."""


@dataclass(frozen=True)
class Entry:
    """A file in a commit: its mode and blob, and its size in bytes (0 for what is not a file)."""

    mode: str
    blob: str
    size: int


def take(project: Path, commit: str) -> list[str]:
    """Take the files and return one line for each file that was left out.

    Raises:
        RefusedError: The commit is unknown or conflicts with HEAD, or a file is not allowed.
    """
    if not _COMMIT.fullmatch(commit):
        message = f"{plain(commit)} is not the full ID of a commit"
        raise RefusedError(message)
    before = _entries(project, "HEAD")
    after = _entries(project, _merged(project, commit))
    changed = {path: entry for path, entry in after.items() if before.get(path) != entry}
    hidden = {path for path in changed if any(part.startswith(".") for part in path.split("/"))}
    for path in hidden:
        del changed[path]
    _check(changed)
    _check_obeyed(project, before, changed)
    for path in set(before) - set(after):
        _remove(project / path)
    for path, entry in changed.items():
        _write(project / path, _blob(project, entry))
    if changed:
        # As in a merge, git tracks the files. So no .gitignore hides them, and none passes for a credential file.
        _git(project, "add", "--intent-to-add", "--force", "--", STACKS)
    return [f"{plain(path)} was left out because its name begins with a full stop" for path in sorted(hidden)]


def _merged(project: Path, commit: str) -> str:
    """Return the tree of HEAD and the commit merged, without touching the working tree."""
    if _run(project, "cat-file", "-e", f"{commit}^{{commit}}").returncode:
        message = (
            f"commit {commit} is not in this clone; fetch the whole history of all branches. If the pull request has "
            "a newer commit, this run is out of date"
        )
        raise RefusedError(message)
    done = _run(project, "merge-tree", "--write-tree", "--name-only", "--no-messages", "-z", "HEAD", commit)
    tree, *conflicts = done.stdout.decode(errors="surrogateescape").strip("\0").split("\0")
    if done.returncode == 1:
        inside = [path for path in conflicts if path.startswith(f"{STACKS}/")]
        if inside:
            message = f"the pull request conflicts with the base branch in {plain(inside[0])}; merge the base branch"
            raise RefusedError(message)
    elif done.returncode:
        message = f"git cannot merge commit {commit}: {one_line(done.stderr.decode(errors='replace'))}"
        raise RefusedError(message)
    return tree


def _entries(project: Path, tree: str) -> dict[str, Entry]:
    listed = _git(project, "ls-tree", "-r", "-z", "--long", "--full-tree", tree, "--", STACKS)
    found: dict[str, Entry] = {}
    for line in filter(None, listed.decode(errors="surrogateescape").split("\0")):
        facts, _, path = line.partition("\t")
        mode, _, blob, size = facts.split()
        found[path] = Entry(mode, blob, 0 if size == "-" else int(size))
    return found


def _check(changed: Mapping[str, Entry]) -> None:
    for path, entry in changed.items():
        shown = plain(path)
        if not path.isprintable():
            message = f"the name {shown} contains invisible characters; rename the file"
            raise RefusedError(message)
        if entry.mode not in _REGULAR:
            message = f"{shown} is {_KINDS.get(entry.mode, 'not a file')}; commit a regular file instead"
            raise RefusedError(message)
        if entry.size > LARGEST:
            message = f"{shown} is larger than {LARGEST // 1024**2} MB; shorten it"
            raise RefusedError(message)
    if len(changed) > MOST or sum(entry.size for entry in changed.values()) > LARGEST_OF_ALL:
        message = (
            f"the pull request changes more than {MOST} files or {LARGEST_OF_ALL // 1024**2} MB below {STACKS}/; "
            "split it"
        )
        raise RefusedError(message)


def _check_obeyed(project: Path, before: Mapping[str, Entry], changed: Mapping[str, Entry]) -> None:
    asked = [(path, *pair) for path, entry in changed.items() for pair in _obeyed(project, path, entry)]
    if not asked:
        return
    known = [pair for path, entry in before.items() for pair in _obeyed(project, path, entry)]
    for path, key, value in asked:
        if (key, value) not in known:
            message = (
                f"{plain(path)}: {key} is {plain(str(value))}, which no stack file of the base branch has. The Pulumi "
                "CLI uses it before kzero-scim can check it, so this preview refuses it. Remove it, or have it "
                "previewed together with code, after an approval (docs/gitops.md)"
            )
            raise RefusedError(message)


def _obeyed(project: Path, path: str, entry: Entry) -> list[tuple[str, Any]]:
    """Return the keys of a stack file that the CLI obeys, with their values. Other files have none."""
    if not _STACK_FILE.fullmatch(path) or entry.mode not in _REGULAR or entry.size > safe_yaml.LARGEST:
        return []
    try:
        document = safe_yaml.load(_blob(project, entry).decode(), path)
    except (SettingsError, UnicodeDecodeError):
        return []  # kzero-scim does not start the CLI for a file that it cannot read
    if not isinstance(document, dict):
        return []
    return [(key, document[key]) for key in _OBEYED if document.get(key) not in _DEFAULTS]


def _blob(project: Path, entry: Entry) -> bytes:
    return _git(project, "cat-file", "blob", entry.blob)


def _remove(file: Path) -> None:
    file.unlink(missing_ok=True)
    # An empty folder would be in the way of a file with its name.
    with suppress(OSError):
        file.parent.rmdir()


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with os.fdopen(descriptor, "wb") as opened:
        opened.write(content)


def _git(project: Path, *arguments: str) -> bytes:
    done = _run(project, *arguments)
    if done.returncode:
        message = f"git {arguments[0]} failed: {one_line(done.stderr.decode(errors='replace'))}"
        raise RefusedError(message)
    return done.stdout


def _run(project: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(  # noqa: S603 - fixed program, no shell
        ["git", "-C", str(project), *arguments],  # noqa: S607 - the runner's own git
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
        env={**os.environ, "GIT_LITERAL_PATHSPECS": "1", "LC_ALL": "C"},
    )


def main() -> int:
    """Take the files of the commit on the command line and return the exit code."""
    if len(sys.argv) != 2:  # noqa: PLR2004 - the program and one argument
        print("usage: take_stacks.py COMMIT", file=sys.stderr)
        return 2
    try:
        for line in take(Path.cwd(), sys.argv[1]):
            print(f"notice: {line}")
    except (RefusedError, OSError) as error:
        print(f"error: {one_line(str(error))}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
