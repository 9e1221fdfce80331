"""The environment of one tenant: what a run of it alone would find in its shell, and nothing of another tenant's.

Later wins: what is common to all; variables ``<NAME>__<TENANT>``; a file ``<tenant>.env``; what a command prints.
"""

from __future__ import annotations

import io
import json
import re
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from dotenv import dotenv_values

from kzero_scim.display import listed, plain
from kzero_scim.errors import SettingsError
from kzero_scim.fleet.project import FLEET_FILE, FleetProject

FOLDER: Final = "KZERO_SCIM_CREDENTIALS_DIR"
"""Variable that names the folder of ``<tenant>.env`` files; it wins over fleet.yaml."""
_SUFFIXED: Final = re.compile(r"(?P<name>[A-Z][A-Z0-9_]*?)__(?P<suffix>[A-Z0-9_]+)")
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_COMMAND_SECONDS: Final = 60.0
_MOST: Final = 1 << 20
"""Bytes that are read of what a command prints."""


def suffix_of(tenant: str) -> str:
    """Give what a tenant's own variables end with: ``FABRIKAM_EU`` for fabrikam-eu."""
    return re.sub(r"[^A-Z0-9]", "_", tenant.upper())


class Credentials:
    """Gives each tenant its environment."""

    def __init__(self, project: FleetProject, base: Mapping[str, str]) -> None:
        """Look at what is common.

        Args:
            project: The fleet.
            base: The environment of this run.

        Raises:
            SettingsError: Two tenants' variables would be called the same, and there are some.
        """
        self._project = project
        self._command = project.settings.credentials.command
        named = base.get(FOLDER) or project.settings.credentials.files
        self._folder = project.folder / Path(named).expanduser() if named else None
        owners: dict[str, list[str]] = {}
        for tenant in project.tenants:
            owners.setdefault(suffix_of(tenant), []).append(tenant)
        self._common: dict[str, str] = {}
        self._own: dict[str, dict[str, str]] = {}
        for key, value in base.items():
            found = _SUFFIXED.fullmatch(key)
            if found is None:
                self._common[key] = value
                continue
            tenants = owners.get(found["suffix"], [])
            if len(tenants) > 1:
                message = (
                    f"{key} is of {listed(tenants, 5)} alike; rename one, or use files or a command for credentials"
                )
                raise SettingsError(message)
            for tenant in tenants:
                self._own.setdefault(tenant, {})[found["name"]] = value

    def environment_of(self, tenant: str) -> dict[str, str]:
        """Give a tenant's environment.

        Raises:
            SettingsError: A file or the command of it cannot be read; names tenant and source, shows no value.
        """
        return {**self._common, **self.own(tenant)}

    def own(self, tenant: str) -> dict[str, str]:
        """Give what a tenant has of its own.

        Raises:
            SettingsError: As :meth:`environment_of`.
        """
        found: dict[str, str] = {}
        for part in self.sources(tenant).values():
            found |= part
        return found

    def sources(self, tenant: str) -> dict[str, dict[str, str]]:
        """Give what a tenant has of its own by where it comes from: ``environment``, a file's name, ``command``.

        Raises:
            SettingsError: As :meth:`environment_of`.
        """
        found: dict[str, dict[str, str]] = {}
        if tenant in self._own:
            found["environment"] = self._own[tenant]
        file = self._folder / f"{tenant}.env" if self._folder else None
        if file is not None and file.is_file():
            found[str(file)] = self._from_file(tenant, file)
        if self._command:
            found["command"] = self._from_command(tenant)
        return found

    def readable_by_others(self, tenant: str) -> str | None:
        """Name the tenant's file if others than its owner can read it."""
        file = self._folder / f"{tenant}.env" if self._folder else None
        if file is None or not file.is_file() or not file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            return None
        return str(file)

    def _from_file(self, tenant: str, file: Path) -> dict[str, str]:
        try:
            return _variables(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            message = f"credentials of {tenant}: {file} cannot be read: {reason}"
            raise SettingsError(message) from None

    def _from_command(self, tenant: str) -> dict[str, str]:
        words = [word.replace("{tenant}", tenant) for word in self._command]
        shown = f"credentials of {tenant}: the command {plain(words[0])} of {FLEET_FILE}"
        try:
            done = subprocess.run(  # noqa: S603 - the project's own words, never a shell
                words,
                cwd=self._project.folder,
                env=self._common,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=_COMMAND_SECONDS,
            )
        except subprocess.TimeoutExpired:
            message = f"{shown} took more than {_COMMAND_SECONDS:.0f} s"
            raise SettingsError(message) from None
        except OSError as error:
            message = f"{shown} cannot be started: {error.strerror}"
            raise SettingsError(message) from None
        if done.returncode:
            # What it printed may hold a secret.
            message = f"{shown} ended with exit code {done.returncode}; run it by hand to see why"
            raise SettingsError(message)
        try:
            return _variables(done.stdout[:_MOST].decode())
        except ValueError as error:
            message = f"{shown} printed neither NAME=VALUE lines nor a JSON object of texts: {error}"
            raise SettingsError(message) from None


def _variables(text: str) -> dict[str, str]:
    """Read a JSON object of texts, or lines as a shell's ``.env`` file has them, without any substitution.

    Raises:
        ValueError: It is neither; the text shows no value.
    """
    if text.lstrip().startswith("{"):
        try:
            document = json.loads(text)
        except json.JSONDecodeError as error:
            message = f"no JSON at line {error.lineno}"
            raise ValueError(message) from None
        for name, value in document.items():
            if not isinstance(value, str) or not _NAME.fullmatch(name) or "\0" in value:
                message = f"{plain(name)} is no variable with a text"
                raise ValueError(message)
        return dict(document)
    found: dict[str, str] = {}
    for name, value in dotenv_values(stream=io.StringIO(text), interpolate=False).items():
        if value is None or not _NAME.fullmatch(name) or "\0" in value:
            # A line that is no assignment comes as a name without a value, and may be a secret itself.
            message = "a line is no NAME=VALUE"
            raise ValueError(message)
        found[name] = value
    return found
