"""What a tenant's up depends on in the project's folder, as one text: the same as long as none of it changes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from kzero_scim.fleet.files import own_files, program_files
from kzero_scim.fleet.project import FleetProject, FleetTenant


class Fingerprints:
    """Makes the fingerprints of a project's tenants.

    Args:
        project: The fleet.
    """

    def __init__(self, project: FleetProject) -> None:
        """Read nothing yet."""
        self._project = project

    def of(self, tenant: FleetTenant) -> str:
        """Give a tenant's: of its stack file, of the files that this names, and of the program."""
        return _digest(self._project.folder, sorted(own_files(self._project, tenant)), self._program)

    @cached_property
    def _program(self) -> str:
        return _digest(self._project.folder, program_files(self._project))


def _digest(folder: Path, paths: Iterable[str], before: str = "") -> str:
    digest = hashlib.sha256(before.encode())
    for path in paths:
        # What cannot be read is what the tenant's run will complain of.
        with suppress(OSError):
            file = folder / path
            content = str(file.readlink()).encode() if file.is_symlink() and file.is_dir() else file.read_bytes()
            digest.update(f"{path} {len(content)}\0".encode(errors="surrogateescape") + content)
    return digest.hexdigest()
