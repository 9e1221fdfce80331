"""Finds the tenants that changes in the working tree affect, with git. Reads no state and contacts no service."""

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
from kzero_scim.fleet import git
from kzero_scim.fleet.files import is_program, own_files
from kzero_scim.fleet.project import FleetProject
from kzero_scim.secret_variables import without_secrets

_STACK_FILE: Final = re.compile(r"stacks/Pulumi\.(?P<tenant>[^/]+)\.yaml")
_NO_COMMIT: Final = re.compile(r"0{40,64}")
"""The "commit before" that platforms report for a new branch."""
_SECONDS: Final = 120.0


@dataclass(frozen=True)
class Change:
    """The tenants that changes affect.

    Attributes:
        everybody: Changed files that affect every tenant: code, lock files, Pulumi.yaml, fleet.yaml; sorted.
        tenants: Tenants whose own files changed.
        notes: One line for each tenant whose stack file was deleted or renamed.
    """

    everybody: tuple[str, ...]
    tenants: frozenset[str]
    notes: list[str]

    def touches(self, tenant: str) -> bool:
        """Return whether the changes affect a tenant."""
        return bool(self.everybody) or tenant in self.tenants


def changed(project: FleetProject, revision: str) -> Change:
    """Return the changes since the merge base with a revision, as in a pull request, uncommitted changes included.

    Untracked files count; ignored files do not.

    Raises:
        SettingsError: There is no git repository, or its history is too short.
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
    """Return the tenants that changed files affect.

    Args:
        project: The fleet.
        files: Paths relative to the project's folder, with slashes; paths above it start with ``../``.
        renamed: Maps the old path of a renamed file to its new path.
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
            f"the stack file of {name} was renamed to {new}, but the stack in the backend was not; run "
            f"`pulumi stack rename {new} --stack {name}`, or {new} will be set up as a second tenant"
        )
    return (
        f"the stack file of {name} was deleted; this changes neither side. If its stack still exists, restore the file "
        f"and run `pulumi destroy --stack {name}`"
    )


def _merge_base(folder: Path, revision: str) -> str:
    asked = f"--changed-since {plain(revision)}"
    shallow = _git(folder, "rev-parse", "--is-shallow-repository").strip() == "true"
    remedy = (
        "this clone is shallow; clone the whole history (GitHub: fetch-depth: 0, GitLab: "
        'GIT_DEPTH: "0", Azure DevOps: fetchDepth: 0)'
    )
    if _NO_COMMIT.fullmatch(revision):
        message = f"{asked}: a new branch has no earlier commit; compare with the target branch of the merge instead"
        raise SettingsError(message)
    commit = _asked(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
    if not commit:
        fetch = (
            remedy if shallow else f"list branches with `git branch --all`, or run `git fetch origin {plain(revision)}`"
        )
        message = f"{asked}: unknown revision; {fetch}"
        raise SettingsError(message)
    base = _asked(folder, "merge-base", commit, "HEAD")
    if not base:
        message = f"{asked}: it has no common commit with HEAD" + (f"; {remedy}" if shallow else "")
        raise SettingsError(message)
    return base


def _statuses(text: str) -> Iterator[tuple[str, list[str]]]:
    """Split the output of ``git diff --name-status -z``: a letter with one path, or with the old and the new path."""
    words = iter(text.split("\0"))
    for status in words:
        if status:
            yield status[0], [next(words) for _ in range(2 if status[0] in "RC" else 1)]


def _asked(folder: Path, *arguments: str) -> str:
    """Return what git prints, "" if it fails."""
    done = _run(folder, arguments)
    return done.stdout.decode(errors="surrogateescape").strip() if done.returncode == 0 else ""


def _git(folder: Path, *arguments: str) -> str:
    done = _run(folder, arguments)
    if done.returncode:
        message = f"--changed-since: git {arguments[0]} failed in {plain(str(folder))}: {git.reason_in(done.stderr)}"
        raise SettingsError(message)
    return done.stdout.decode(errors="surrogateescape")


def _run(folder: Path, arguments: tuple[str, ...]) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603 - fixed program, no shell
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the operator's own git
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_SECONDS,
            env={**without_secrets(os.environ), "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"},
        )
    except FileNotFoundError:
        message = "--changed-since needs git, which is not on PATH"
        raise SettingsError(message) from None
    except subprocess.TimeoutExpired:
        message = (
            f"--changed-since: git {arguments[0]} took more than {_SECONDS:.0f} s in {plain(str(folder))}; run it again"
        )
        raise SettingsError(message) from None


def why(change: Change, revision: str) -> str:
    """Return one line about files that affect every tenant, "" if no such file changed."""
    if change.everybody:
        return f"all tenants are affected by changes since {plain(revision)}: {plain(listed(change.everybody, 3))}"
    return ""
