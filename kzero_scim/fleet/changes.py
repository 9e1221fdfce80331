"""Which tenants a change of the working tree touches, told by git. Reads no state, asks no service."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kzero_scim.display import listed, one_line, plain
from kzero_scim.errors import SettingsError
from kzero_scim.fleet.files import is_program, own_files
from kzero_scim.fleet.project import FleetProject

_STACK_FILE: Final = re.compile(r"stacks/Pulumi\.(?P<tenant>[^/]+)\.yaml")
_NO_COMMIT: Final = re.compile(r"0{40,64}")
"""What platforms give for "the commit before" of a branch that is new."""
_SECONDS: Final = 120.0


@dataclass(frozen=True)
class Change:
    """What a change touches.

    Attributes:
        everybody: The files that touch every tenant: code, lock files, Pulumi.yaml, fleet.yaml; by name.
        tenants: Those whose own files it touches.
        notes: Tenants whose stack file is gone or was renamed, a line each.
    """

    everybody: tuple[str, ...]
    tenants: frozenset[str]
    notes: list[str]

    def touches(self, tenant: str) -> bool:
        """Tell whether a tenant is touched."""
        return bool(self.everybody) or tenant in self.tenants


def changed(project: FleetProject, revision: str) -> Change:
    """Find what has changed since a revision: since the merge base, as a pull request shows it, and not yet committed.

    Files that git does not follow yet count, ignored ones do not.

    Raises:
        SettingsError: There is no git repository, or not that much history of it.
    """
    folder = project.folder.resolve()
    base = _merge_base(folder, revision)
    top = Path(_git(folder, "rev-parse", "--show-toplevel").rstrip("\n"))
    told = _git(
        top, "diff", "--name-status", "--find-renames", "--no-ext-diff", "--no-textconv", "--ignore-submodules=none",
        "-z", base, "--",
    )  # fmt: skip
    renamed: dict[str, str] = {}
    files: set[str] = set()
    for status, paths in _statuses(told):
        inside = [os.path.relpath(top / path, folder) for path in paths]
        files.update(inside)
        if status == "R":
            renamed[inside[0]] = inside[1]
    untracked = _git(top, "ls-files", "--others", "--exclude-standard", "-z").split("\0")
    files.update(os.path.relpath(top / path, folder) for path in untracked if path)
    return of_files(project, files, renamed)


def of_files(project: FleetProject, files: Iterable[str], renamed: Mapping[str, str] | None = None) -> Change:
    """Tell what changed files touch.

    Args:
        project: The fleet.
        files: Paths relative to the project's folder, with slashes; those above it begin with ``../``.
        renamed: Of them, the old path of a file to its new one.
    """
    owners: dict[str, set[str]] = {}
    for tenant in project.tenants.values():
        for file in own_files(project, tenant):
            owners.setdefault(file, set()).add(tenant.name)
    everybody: list[str] = []
    tenants: set[str] = set()
    notes: list[str] = []
    for path in sorted(files):
        stack = _STACK_FILE.fullmatch(path)
        if path in owners:
            tenants |= owners[path]
        elif stack is not None:
            if not (project.folder / path).exists():
                notes.append(_gone(stack["tenant"], (renamed or {}).get(path, "")))
        elif is_program(project, path):
            everybody.append(path)
    return Change(tuple(everybody), frozenset(tenants), notes)


def _gone(tenant: str, new_path: str) -> str:
    name = one_line(tenant)
    if found := _STACK_FILE.fullmatch(new_path):
        new = one_line(found["tenant"])
        return (
            f"the stack file of {name} is now that of {new}; the stack in the backend keeps its name until "
            f"`pulumi stack rename {new} --stack {name}`, without which {new} would be set up beside it"
        )
    return (
        f"the stack file of {name} is gone; if its stack is not destroyed yet, it is still in the backend and both "
        f"sides stay as they are: put the file back and run `pulumi destroy --stack {name}`"
    )


def _merge_base(folder: Path, revision: str) -> str:
    asked = f"--changed-since {plain(revision)}"
    shallow = _git(folder, "rev-parse", "--is-shallow-repository").strip() == "true"
    remedy = (
        "this clone has only the newest commits; clone the whole history (GitHub: fetch-depth: 0, GitLab: "
        'GIT_DEPTH: "0", Azure DevOps: fetchDepth: 0)'
    )
    if _NO_COMMIT.fullmatch(revision):
        message = f"{asked}: a new branch has no commit before; compare it with the branch that it is to be merged into"
        raise SettingsError(message)
    commit = _asked(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if not commit:
        fetch = (
            remedy if shallow else f"`git branch --all` shows what there is, `git fetch origin {plain(revision)}` more"
        )
        message = f"{asked}: git knows no such revision here; {fetch}"
        raise SettingsError(message)
    base = _asked(folder, "merge-base", commit, "HEAD")
    if not base:
        message = f"{asked}: it has no commit in common with HEAD here" + (f"; {remedy}" if shallow else "")
        raise SettingsError(message)
    return base


def _statuses(text: str) -> Iterator[tuple[str, list[str]]]:
    """Split what ``git diff --name-status -z`` prints: a letter, and one path, or the old and the new one."""
    words = iter(text.split("\0"))
    for status in words:
        if status:
            yield status[0], [next(words) for _ in range(2 if status[0] in "RC" else 1)]


def _asked(folder: Path, *arguments: str) -> str:
    """Ask git what it may answer with no."""
    done = _run(folder, arguments)
    return done.stdout.decode(errors="surrogateescape").strip() if done.returncode == 0 else ""


def _git(folder: Path, *arguments: str) -> str:
    done = _run(folder, arguments)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").split("\n\n")
        message = f"--changed-since: git {arguments[0]} failed in {plain(str(folder))}: {one_line(lines[0])}"
        raise SettingsError(message)
    return done.stdout.decode(errors="surrogateescape")


def _run(folder: Path, arguments: tuple[str, ...]) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603 - git's own words, never a shell
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the operator's own git
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_SECONDS,
            env={**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"},
        )
    except FileNotFoundError:
        message = "--changed-since needs git, which is not on PATH"
        raise SettingsError(message) from None
    except subprocess.TimeoutExpired:
        message = f"--changed-since: git {arguments[0]} took more than {_SECONDS:.0f} s in {plain(str(folder))}"
        raise SettingsError(message) from None


def why(change: Change, revision: str) -> str:
    """Say in one line why a change touches whom it touches, "" where it touches nobody."""
    if change.everybody:
        return f"every tenant is looked at: since {plain(revision)} changed {plain(listed(change.everybody, 3))}"
    return ""
