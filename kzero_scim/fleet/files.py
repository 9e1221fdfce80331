"""Lists the files that a tenant's run reads: the tenant's own, and the program's, which all tenants share.

`fleet up --resume` and `--changed-since` both use this list.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any, Final

from kzero_scim.fleet import git
from kzero_scim.fleet.project import FleetProject, FleetTenant

STACKS: Final = "stacks/"
_WITHOUT_EFFECT: Final = ("*.md", "docs/*", "tests/*", "gitops/*", ".*", "*/.*", "LICENSE", "CODEOWNERS")
"""Files of a project that are not its program. All other files count: better run too many tenants than too few."""
_DEPENDENCIES: Final = ("*.lock", "requirements*.txt", "pyproject.toml", ".python-version")
"""Files that also count in folders above the project's, up to the repository's root."""


def is_program(project: FleetProject, path: str) -> bool:
    """Return whether a file is part of the program, unless a tenant owns it.

    Args:
        project: The fleet; its ``unrelated`` patterns name files that are not.
        path: Path relative to the project's folder, with slashes; a path above it starts with ``../``.
    """
    if path.startswith("../"):
        above = PurePosixPath(path)
        return above.parts.count("..") == len(above.parts) - 1 and _matches(above.name, _DEPENDENCIES)
    if path.startswith(STACKS) or _matches(path, project.settings.unrelated):
        # In the stacks folder, only files of tenants count.
        return False
    return _matches(path, _DEPENDENCIES) or not _matches(path, _WITHOUT_EFFECT)


def program_files(project: FleetProject) -> list[str]:
    """Return the files of the program, sorted: tracked files, and untracked files that git does not ignore.

    Without a repository, every file in the folder counts, except hidden files and Python's caches.
    """
    owned = {path for tenant in project.tenants.values() for path in own_files(project, tenant)}
    return sorted(path for path in _listed(project.folder.resolve()) if path not in owned and is_program(project, path))


def own_files(project: FleetProject, tenant: FleetTenant) -> set[str]:
    """Return the files that belong to a tenant, relative to the project's folder. Several tenants may share a file.

    They are its stack file, whatever file below ``stacks/`` a setting of it names (``usersFile``, a certificate), and
    its file of credentials.
    """
    folder = project.folder.resolve()

    def relative(name: str) -> str:
        return os.path.relpath(os.path.normpath(folder / name), folder)

    named = map(relative, filter(_may_be_path, _texts(tenant.document.get("config") or {})))
    found = {tenant.file.relative_to(project.folder).as_posix(), *(path for path in named if path.startswith(STACKS))}
    if project.settings.credentials.files:
        found.add(relative(f"{project.settings.credentials.files}/{tenant.name}.env"))
    return found


def _listed(folder: Path) -> set[str]:
    top = git.asked(folder, "rev-parse", "--show-toplevel")
    if not top:
        return set(_found(folder, folder))
    listed = git.asked(Path(top), "ls-files", "--cached", "--others", "--exclude-standard", "-z")
    found: set[str] = set()
    for path in filter(None, listed.split("\0")):
        file = Path(top, path)
        # A submodule is one entry.
        inside = _found(file, folder) if file.is_dir() and not file.is_symlink() else [os.path.relpath(file, folder)]
        found.update(inside)
    return found


def _found(place: Path, folder: Path) -> Iterator[str]:
    for parent, folders, files in os.walk(place):
        linked = [name for name in folders if Path(parent, name).is_symlink()]
        folders[:] = [name for name in folders if not name.startswith(".") and name != "__pycache__"]
        yield from (os.path.relpath(Path(parent, name), folder) for name in [*files, *linked])


def _may_be_path(value: str) -> bool:
    return 0 < len(value) <= 255 and value.isprintable() and "://" not in value  # noqa: PLR2004 - a path's bound


def _texts(value: Any) -> Iterator[str]:  # noqa: ANN401 - any value of a YAML file
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        # Encrypted secrets are not file names.
        yield from (text for key, item in value.items() if key != "secure" for text in _texts(item))
    elif isinstance(value, list):
        yield from (text for item in value for text in _texts(item))


def _matches(path: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(path, pattern) for pattern in patterns)
