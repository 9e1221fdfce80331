"""Builds the environment of one tenant, without any variable of another tenant.

Later sources override earlier ones: common variables; variables ``<NAME>__<TENANT>``; a file ``<tenant>.env``; the
output of a command. An empty value unsets a variable, because readers treat it as not set.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from kzero_scim.display import listed, plain
from kzero_scim.errors import SettingsError
from kzero_scim.fleet.credentials.credential_command import printed
from kzero_scim.fleet.credentials.variables import LARGEST, read_variables
from kzero_scim.fleet.git import listed_by_git
from kzero_scim.fleet.project import FleetProject
from kzero_scim.home_folder import expanded
from kzero_scim.regular_file import read_regular
from kzero_scim.secret_variables import is_public, secrets_of
from kzero_scim.stack.host_rule import FLEET_FILE

FOLDER: Final = "KZERO_SCIM_CREDENTIALS_DIR"
"""Variable for the folder of ``<tenant>.env`` files; it overrides fleet.yaml."""
_SUFFIXED: Final = re.compile(r"(?P<name>[A-Z][A-Z0-9_]*?)__(?P<suffix>.+)", re.DOTALL)
"""The first two underscores end the name, so that no variable can belong to two tenants."""
_ALLOWED: Final = re.compile(
    r"ARM_\w+|KZERO_(?!SCIM_|DEBUG)\w+|KZERO_SCIM_CONFIRM"
    r"|PULUMI_CONFIG_PASSPHRASE(?:_FILE)?|PULUMI_ACCESS_TOKEN|PULUMI_BACKEND_URL"
    r"|AWS_(?:ACCESS_KEY_ID|SECRET_ACCESS_KEY|SESSION_TOKEN|REGION|DEFAULT_REGION)"
    r"|AZURE_(?:STORAGE_(?:ACCOUNT|KEY|SAS_TOKEN)|TENANT_ID|CLIENT_ID|CLIENT_SECRET)"
    r"|GOOGLE_(?:CREDENTIALS|APPLICATION_CREDENTIALS|PROJECT|REGION)|VAULT_(?:ADDR|TOKEN|NAMESPACE)"
)
"""Variables that a credential file or command may set: those that sign in to both sides, to the backend and to its
encryption. Others would choose what this machine runs (``LD_PRELOAD``, ``PATH``) or where it keeps files."""


def suffix_of(tenant: str) -> str:
    """Return the suffix of a tenant's own variables: ``FABRIKAM_EU`` for fabrikam-eu."""
    return re.sub(r"[^A-Z0-9]", "_", tenant.upper())


class Credentials:
    """Returns each tenant's environment. Thread-safe. Caches nothing, so tokens are fresh."""

    def __init__(self, project: FleetProject, base: Mapping[str, str]) -> None:
        """Separate common variables from those of single tenants.

        Args:
            project: The fleet.
            base: The environment of this run.

        Raises:
            SettingsError: The folder of credentials does not exist.
        """
        self._project = project
        self._command = project.settings.credentials.command
        named = base.get(FOLDER) or project.settings.credentials.files
        self._folder = project.folder / expanded(named) if named else None
        if self._folder is not None and not self._folder.is_dir():
            by = FOLDER if base.get(FOLDER) else f"credentials.files of {FLEET_FILE}"
            message = f"folder {plain(str(self._folder))} (from {by}) does not exist; create it, or correct the name"
            raise SettingsError(message)
        self._tracked: dict[Path, frozenset[str]] = {}
        self._tenants: dict[str, list[str]] = {}
        for tenant in project.tenants:
            self._tenants.setdefault(suffix_of(tenant), []).append(tenant)
        self._common: dict[str, str] = {}
        self._own: dict[str, dict[str, str]] = {}
        for key, value in base.items():
            if found := _SUFFIXED.fullmatch(key):
                self._own.setdefault(suffix_of(found["suffix"]), {})[found["name"]] = value
            else:
                self._common[key] = value

    def environment_of(self, tenant: str) -> dict[str, str]:
        """Return a tenant's environment.

        Raises:
            SettingsError: Its file or command cannot be read, or its variables also match another tenant. The message
                names tenant and source and contains no value.
        """
        return self.merged(self.sources(tenant))

    def with_secrets(self, tenant: str) -> tuple[dict[str, str], list[str]]:
        """Return a tenant's environment, and all secrets in it: also whatever the command printed.

        Raises:
            SettingsError: As :meth:`environment_of`.
        """
        sources = self.sources(tenant)
        environment = self.merged(sources)
        printed_ones = [value for name, value in sources.get("command", {}).items() if not is_public(name)]
        return environment, [*secrets_of(environment), *printed_ones]

    def merged(self, sources: Mapping[str, Mapping[str, str]]) -> dict[str, str]:
        """Return the common variables together with those of :meth:`sources`."""
        found = dict(self._common)
        for variables in sources.values():
            found |= variables
        return found

    def sources(self, tenant: str) -> dict[str, dict[str, str]]:
        """Return a tenant's own variables by source: ``environment``, a file's name, ``command``.

        Raises:
            SettingsError: As :meth:`environment_of`.
        """
        found: dict[str, dict[str, str]] = {}
        suffix = suffix_of(tenant)
        if suffix in self._own:
            alike = self._tenants.get(suffix, [])
            if len(alike) > 1:
                message = (
                    f"credentials of {plain(tenant)}: variables …__{suffix} match several tenants: {listed(alike, 5)}; "
                    "rename one of these stacks, or use files or a command for credentials"
                )
                raise SettingsError(message)
            found["environment"] = self._own[suffix]
        file = self._file(tenant)
        if file is not None:
            self._refuse_tracked(tenant, file)
            found[str(file)] = _from_file(tenant, file)
        if self._command:
            found["command"] = self._from_command(tenant, self.merged(found))
        return found

    def warnings_of(self, tenant: str) -> list[str]:
        """Return a warning if other users of this machine can read the tenant's file."""
        file = self._file(tenant)
        if file is None or not file.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
            return []
        return [f"other users of this machine can read {plain(str(file))}; run `chmod 600` on it"]

    def _file(self, tenant: str) -> Path | None:
        file = self._folder / f"{tenant}.env" if self._folder else None
        return file if file is not None and file.is_file() else None

    def _refuse_tracked(self, tenant: str, file: Path) -> None:
        place = file.resolve()
        if place.parent not in self._tracked:
            self._tracked[place.parent] = listed_by_git(place.parent)
        if place.name in self._tracked[place.parent]:
            message = (
                f"credentials of {plain(tenant)}: git tracks {plain(str(file))}, so every reader of the repository has "
                "its secrets; run `git rm --cached` on it, add it to .gitignore, and renew the secrets"
            )
            raise SettingsError(message)

    def _from_command(self, tenant: str, environment: Mapping[str, str]) -> dict[str, str]:
        shown = f"credentials of {plain(tenant)}: the command {plain(self._command[0])} of {FLEET_FILE}"
        if tenant.startswith("-"):
            message = f"{shown} would read the tenant's name as an option; rename the stack"
            raise SettingsError(message)
        words = [word.replace("{tenant}", tenant) for word in self._command]
        try:
            return _allowed(read_variables(printed(words, self._project.folder, environment)))
        except ValueError as error:
            message = f"{shown} {error}"
            raise SettingsError(message) from None


def _from_file(tenant: str, file: Path) -> dict[str, str]:
    try:
        return _allowed(read_variables(read_regular(file, LARGEST)))
    except (OSError, ValueError) as error:
        reason = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
        message = f"credentials of {plain(tenant)}: {plain(str(file))} {reason}"
        raise SettingsError(message) from None


def _allowed(variables: dict[str, str]) -> dict[str, str]:
    refused = sorted(name for name in variables if not _ALLOWED.fullmatch(name))
    if refused:
        message = (
            f"sets {listed([plain(name) for name in refused], 5)}; credentials may set ARM_*, KZERO_*, the passphrase, "
            "and what the backend signs in with (docs/credentials.md). Set anything else in the environment of the run"
        )
        raise ValueError(message)
    return variables
