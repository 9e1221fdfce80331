"""A tenant's stack as last applied, for commands that look at many: read from its files wherever that is possible.

`pulumi stack export` and `pulumi config` cost a third of a second of a processor each, which is more than asking both
services. They are run where a file backend does not hold the state, and where the stack file holds an encrypted setting
by which a service is signed in to.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kzero_scim.errors import NothingAppliedError, SettingsError
from kzero_scim.fleet.portals import portals_of
from kzero_scim.fleet.project import FleetProject, FleetTenant
from kzero_scim.settings.tenant_settings import NAMESPACE
from kzero_scim.stack import backend, safe_yaml, stack_file
from kzero_scim.stack.stack import Stack, run_pulumi
from kzero_scim.tenant.live_resource import SECRET

_UNUSED_SECRETS: Final = frozenset({f"{NAMESPACE}:secretToken", f"{NAMESPACE}:remoteTokenClientSecret"})
"""Encrypted settings that nobody who only looks needs: that there is one is enough."""
_READ_BY_PROGRAM: Final = (f"{NAMESPACE}:", "azuread:")


@dataclass(frozen=True, kw_only=True)
class TenantState:
    """What is known of a tenant without asking a service.

    Attributes:
        stack: Its configuration and its state.
        is_interrupted: Whether a run was broken off, so that something may exist that the state does not know.
        portals: Where to look at it, label to address, as its last run said.
    """

    stack: Stack
    is_interrupted: bool
    portals: Mapping[str, str]


class States:
    """Reads the stacks of a project.

    Args:
        project: The fleet.

    Raises:
        SettingsError: Pulumi.yaml cannot be read.
    """

    def __init__(self, project: FleetProject) -> None:
        """Read what is common."""
        self._project = project
        document = safe_yaml.read(project.folder / "Pulumi.yaml")
        self._document: Mapping[str, Any] = document if isinstance(document, dict) else {}
        self._defaults = _defaults(self._document)
        self._known: dict[Path, bool] = {}
        # The engine's own work needs the processors too.
        self._commands = asyncio.Semaphore(os.cpu_count() or 1)

    async def load(self, tenant: FleetTenant, environment: Mapping[str, str]) -> TenantState:
        """Read a tenant's stack.

        Args:
            tenant: Whose.
            environment: The tenant's.

        Raises:
            NothingAppliedError: There is no such stack yet, or nothing in it.
            SettingsError: Its file or its state cannot be read.
        """
        if tenant.problem:
            raise SettingsError(tenant.problem)
        deployment = await self._deployment(tenant.name, environment)
        configured = await self._configuration(tenant, environment)
        if not deployment.get("resources"):
            message = f"nothing of stack {tenant.name} was applied yet; `kzero-scim fleet up {tenant.name}` does so"
            raise NothingAppliedError(message)
        stack = Stack.of(tenant.name, configured, {"deployment": deployment})
        root = stack.find("pulumi:pulumi:Stack")
        return TenantState(
            stack=stack,
            is_interrupted=bool(deployment.get("pending_operations")),
            portals=portals_of(root.outputs) if root else {},
        )

    async def _deployment(self, name: str, environment: Mapping[str, str]) -> Mapping[str, Any]:
        url = backend.backend_url(self._document, environment)
        folder = backend.folder_of(url, self._project.folder) if url else None
        if folder is not None and self._is_known(folder):
            file = backend.state_file(folder, self._project.name, name)
            if file is None:
                raise NothingAppliedError(_never(name, str(url)))
            if file.suffix != ".zst":
                return _read(name, file)
        return await self._exported(name, environment)

    def _is_known(self, folder: Path) -> bool:
        if folder not in self._known:
            self._known[folder] = backend.has_known_layout(folder)
        return self._known[folder]

    async def _exported(self, name: str, environment: Mapping[str, str]) -> Mapping[str, Any]:
        try:
            printed = await self._pulumi(environment, "stack", "export", "--stack", name)
        except SettingsError as error:
            if "no stack named" in str(error):
                raise NothingAppliedError(_never(name, "the backend")) from None
            raise
        deployment = json.loads(printed).get("deployment")
        return deployment if isinstance(deployment, dict) else {}

    async def _configuration(self, tenant: FleetTenant, environment: Mapping[str, str]) -> dict[str, Any]:
        """Give what `pulumi config --json --show-secrets` would print; unused secrets are marks in the place of one."""
        config = tenant.document.get("config") or {}
        secret = {key for key, value in config.items() if stack_file.holds_secret(value)}
        if any(key.startswith(_READ_BY_PROGRAM) and key not in _UNUSED_SECRETS for key in secret):
            printed = await self._pulumi(environment, "config", "--json", "--show-secrets", "--stack", tenant.name)
            found: dict[str, Any] = json.loads(printed)
        else:
            clear = {**self._defaults, **stack_file.configuration_of(tenant.document)}
            found = {key: {"value": text} for key, text in clear.items()}
            found |= {key: {"value": SECRET, "secret": True} for key in secret}
        users = found.get(f"{NAMESPACE}:usersFile") or {}
        if users.get("value"):
            # It begins at the project's folder, which need not be this process's.
            users["value"] = str(self._project.folder / users["value"])
        return found

    async def _pulumi(self, environment: Mapping[str, str], *arguments: str) -> str:
        async with self._commands:
            return await asyncio.to_thread(run_pulumi, self._project.folder, *arguments, environment=environment)


def _read(name: str, file: Path) -> Mapping[str, Any]:
    """Read a state file, `apitype.VersionedCheckpoint` of Pulumi."""
    try:
        content = gzip.decompress(file.read_bytes()) if file.suffix == ".gz" else file.read_bytes()
        document = json.loads(content)
        latest = document["checkpoint"]["latest"] or {}
    except OSError as error:
        reason = error.strerror or str(error)
        message = f"the state of stack {name} cannot be read from {file}: {reason}"
        raise SettingsError(message) from None
    except (EOFError, ValueError, KeyError, TypeError):
        message = f"the state of stack {name} is cut off ({file}); `kzero-scim recover {name}` makes it whole"
        raise SettingsError(message) from None
    return latest if isinstance(latest, dict) else {}


def _never(name: str, where: str) -> str:
    return (
        f"there is no stack {name} at {where}: it was never set up (`kzero-scim fleet up {name}` does so), or "
        "PULUMI_BACKEND_URL names another backend"
    )


def _defaults(project: Mapping[str, Any]) -> dict[str, str]:
    """Give what Pulumi.yaml gives every stack, full key to text."""
    declared = project.get("config")
    if not isinstance(declared, dict):
        return {}
    given = {}
    for key, entry in declared.items():
        value = entry.get("value", entry.get("default")) if isinstance(entry, dict) else entry
        if value is not None:
            given[key if ":" in key else f"{project.get('name')}:{key}"] = value
    return stack_file.configuration_of({"config": given})
