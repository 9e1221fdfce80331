"""What a tenant's up depends on in the project's folder, as one text: the same as long as none of it changes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Final

from kzero_scim.fleet.changes import files_of
from kzero_scim.fleet.project import FleetProject, FleetTenant

_PROGRAM: Final = ("Pulumi.yaml", "__main__.py", "requirements.lock", "components", "kzero_scim", "plugin")


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
        digest = hashlib.sha256(self._program.encode())
        _take(
            digest,
            self._project.folder,
            [self._project.folder / name for name in sorted(files_of(self._project, tenant))],
        )
        return digest.hexdigest()

    @cached_property
    def _program(self) -> str:
        folder, digest = self._project.folder, hashlib.sha256()
        for name in _PROGRAM:
            place = folder / name
            files = [place] if place.is_file() else sorted(place.rglob("*"))
            _take(digest, folder, [file for file in files if "__pycache__" not in file.parts])
        return digest.hexdigest()


def _take(digest: hashlib._Hash, folder: Path, files: Iterable[Path]) -> None:
    for file in files:
        # What cannot be read is what the tenant's run will complain of.
        with suppress(OSError):
            if file.is_file():
                content = file.read_bytes()
                digest.update(f"{file.relative_to(folder).as_posix()} {len(content)}\0".encode() + content)
