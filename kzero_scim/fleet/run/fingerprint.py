"""Computes a tenant's fingerprint: it stays the same until a file changes on which the tenant's update depends."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Final

from kzero_scim.fleet.files import own_files, program_files
from kzero_scim.fleet.project import FleetProject, FleetTenant
from kzero_scim.regular_file import read_regular

_LARGEST: Final = 16 * 1024 * 1024
"""Bytes of a file that count; no file that a run reads has more."""


class Fingerprints:
    """Computes the fingerprints of a project's tenants.

    Args:
        project: The fleet.
    """

    def __init__(self, project: FleetProject) -> None:
        """Read nothing yet."""
        self._project = project

    def of(self, tenant: FleetTenant) -> str:
        """Return a tenant's fingerprint: of its stack file, the files that this names, and the program."""
        return _digest(self._project.folder, sorted(own_files(self._project, tenant)), self._program)

    @cached_property
    def _program(self) -> str:
        return _digest(self._project.folder, program_files(self._project))


def _digest(folder: Path, paths: Iterable[str], before: str = "") -> str:
    digest = hashlib.sha256(before.encode())
    for path in paths:
        # The tenant's run reports files that cannot be read.
        with suppress(OSError):
            file = folder / path
            content = (
                str(file.readlink()).encode() if file.is_symlink() and file.is_dir() else read_regular(file, _LARGEST)
            )
            digest.update(f"{path} {len(content)}\0".encode(errors="surrogateescape") + content)
    return digest.hexdigest()
