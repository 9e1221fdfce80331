"""Which tenants of the fleet: by name, tag, what a change touches, what failed last, and one shard of several."""

from __future__ import annotations

import hashlib
import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Final

from components.settings import NAMESPACE
from kzero_scim.display import listed, one_line, plain
from kzero_scim.errors import SettingsError
from kzero_scim.fleet.project import FleetProject, FleetTenant

_SHARD: Final = re.compile(r"([1-9][0-9]{0,5})/([1-9][0-9]{0,5})")
_STACK_FILE: Final = re.compile(r"Pulumi\.(?P<tenant>.+)\.yaml")
_WITHOUT_EFFECT: Final = (
    "*.md",
    "docs/*",
    "tests/*",
    "gitops/*",
    ".github/*",
    ".gitlab-ci.yml",
    ".gitignore",
    "LICENSE",
)
"""Files of a project that no tenant's run reads."""


@dataclass(frozen=True, kw_only=True)
class Shard:
    """One of several parts of a fleet, which together are all of it.

    Attributes:
        number: Which, from 1.
        of: How many there are.
    """

    number: int
    of: int

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Read ``2/5``.

        Raises:
            SettingsError: It is no such text, or the number is larger than the count.
        """
        found = _SHARD.fullmatch(text)
        if found is None or int(found[1]) > int(found[2]):
            message = f"--shard {plain(text)}: give the shard's number and how many there are, as in 2/5"
            raise SettingsError(message)
        return cls(number=int(found[1]), of=int(found[2]))

    def has(self, tenant: str) -> bool:
        """Tell whether a tenant is in this shard; that depends on its name alone, not on which others there are."""
        digest = hashlib.sha256(tenant.encode()).digest()
        return int.from_bytes(digest[:8]) % self.of == self.number - 1


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What was asked for. Each filter leaves less; without any, it is the whole fleet.

    Attributes:
        names: Names and globs of stacks, any of them.
        tags: Tags, any of them; ``a+b`` asks for both.
        changed_since: A git revision; the tenants that a change since it touches.
        failed: Those alone that failed, were stopped or were not run in the last run.
        shard: One part of what is left.
    """

    names: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    changed_since: str = ""
    failed: bool = False
    shard: Shard | None = None


@dataclass(frozen=True)
class Selected:
    """What a selection came to.

    Attributes:
        tenants: By name.
        notes: What the operator should know of it, a line each.
    """

    tenants: list[FleetTenant]
    notes: list[str]


def select(project: FleetProject, selection: Selection, failed: Iterable[str] = ()) -> Selected:
    """Select tenants.

    Args:
        project: The fleet.
        selection: What was asked for.
        failed: Who failed last, for ``selection.failed``.

    Raises:
        SettingsError: A name or tag matches nothing, or git cannot tell what has changed.
    """
    notes: list[str] = []
    found = _named(project, selection.names)
    if selection.tags:
        found = [tenant for tenant in found if any(_is_tagged(tenant, tag) for tag in selection.tags)]
        if not found:
            known = sorted({tag for tenant in project.tenants.values() for tag in tenant.tags})
            asked = ", ".join(map(plain, selection.tags))
            message = f"--tag {asked}: no tenant has it; the tags are {listed(known, 20) or '(none)'}"
            raise SettingsError(message)
    if selection.changed_since:
        change = changed(project, selection.changed_since)
        notes += change.notes
        found = [tenant for tenant in found if change.everybody or tenant.name in change.tenants]
    if selection.failed:
        last = set(failed)
        found = [tenant for tenant in found if tenant.name in last]
    if selection.shard is not None:
        found = [tenant for tenant in found if selection.shard.has(tenant.name)]
    return Selected(sorted(found, key=lambda tenant: tenant.name), notes)


def _named(project: FleetProject, names: Sequence[str]) -> list[FleetTenant]:
    if not names:
        return list(project.tenants.values())
    found: dict[str, FleetTenant] = {}
    for name in names:
        matching = {key: tenant for key, tenant in project.tenants.items() if fnmatchcase(key, name)}
        if not matching:
            near = get_close_matches(name, project.tenants, 1)
            hint = f'; did you mean "{near[0]}"?' if near else "; `kzero-scim fleet list` shows all"
            message = f'no tenant is called "{plain(name)}"{hint}'
            raise SettingsError(message)
        found |= matching
    return list(found.values())


def _is_tagged(tenant: FleetTenant, asked: str) -> bool:
    return all(tag in tenant.tags for tag in asked.split("+"))


@dataclass(frozen=True)
class Change:
    """What a change of the working tree touches.

    Attributes:
        everybody: Whether it touches every tenant: code, lock files, Pulumi.yaml, fleet.yaml.
        tenants: Those whose own files it touches.
        notes: Tenants whose stack file is gone, a line each.
    """

    everybody: bool
    tenants: frozenset[str]
    notes: list[str]


def changed(project: FleetProject, revision: str) -> Change:
    """Find what has changed since a revision: since the merge base, as a pull request shows it, and not yet committed.

    Raises:
        SettingsError: There is no git repository, or not that much history of it.
    """
    folder = project.folder
    base = _merge_base(folder, revision)
    told = _git(folder, "diff", "--name-only", "--no-renames", "--relative", "-z", base, "--").split("\0")
    told += _git(folder, "ls-files", "--others", "--exclude-standard", "-z").split("\0")
    return of_files(project, {path for path in told if path})


def of_files(project: FleetProject, files: Iterable[str]) -> Change:
    """Tell what changed files touch.

    Args:
        project: The fleet.
        files: Paths relative to the project's folder, with slashes.
    """
    owners: dict[str, set[str]] = {}
    for tenant in project.tenants.values():
        for file in files_of(project, tenant):
            owners.setdefault(file, set()).add(tenant.name)
    everybody = False
    tenants: set[str] = set()
    notes = []
    for path in sorted(files):
        stack = _STACK_FILE.fullmatch(PurePosixPath(path).name) if path.startswith("stacks/") else None
        if path in owners:
            tenants |= owners[path]
        elif stack is not None:
            if not (project.folder / path).exists():
                name = one_line(stack["tenant"])
                notes.append(
                    f"the stack file of {name} is gone; if its stack is not destroyed yet, both sides stay as they "
                    f"are: put the file back and run `pulumi destroy --stack {name}`"
                )
        elif not any(fnmatchcase(path, pattern) for pattern in _WITHOUT_EFFECT):
            everybody = True
    return Change(everybody, frozenset(tenants), notes)


def files_of(project: FleetProject, tenant: FleetTenant) -> list[str]:
    """Name the files that a tenant alone, or with some others, is read from; relative to the project's folder."""
    files = [tenant.file.relative_to(project.folder).as_posix()]
    named = (tenant.document.get("config") or {}).get(f"{NAMESPACE}:usersFile")
    if isinstance(named, str) and named and not Path(named).is_absolute():
        files.append(str(PurePosixPath(named)))
    return files


def _merge_base(folder: Path, revision: str) -> str:
    try:
        commit = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}").strip()
    except SettingsError:
        _git(folder, "rev-parse", "--git-dir")
        message = (
            f"--changed-since {plain(revision)}: git knows no such revision here; fetch it, in a pipeline by a clone "
            "with the whole history (fetch-depth: 0)"
        )
        raise SettingsError(message) from None
    try:
        return _git(folder, "merge-base", commit, "HEAD").strip()
    except SettingsError:
        message = (
            f"--changed-since {plain(revision)}: it has no commit in common with HEAD here; clone the whole history "
            "(fetch-depth: 0)"
        )
        raise SettingsError(message) from None


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - git's own words, never a shell
            ["git", "-C", str(folder), *arguments],  # noqa: S607 - the operator's own git
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        message = "--changed-since needs git on PATH"
        raise SettingsError(message) from None
    if done.returncode:
        message = f"--changed-since: git {arguments[0]} failed: {one_line(done.stderr.decode(errors='replace'))}"
        raise SettingsError(message)
    return done.stdout.decode(errors="surrogateescape")
