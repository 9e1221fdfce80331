"""Reads a tenant's stack as last applied, from files if possible, for commands that read many tenants.

`pulumi stack export` and `pulumi config` take a third of a second of a processor each, more than asking both services.
They run only if no file backend has the state, or if the stack file contains an encrypted setting for a sign-in.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kzero_scim.clients.body import Body, UnreadableBodyError, more_than
from kzero_scim.errors import NothingAppliedError, SettingsError
from kzero_scim.fleet.portals import portals_of
from kzero_scim.fleet.project import FleetProject, FleetTenant
from kzero_scim.regular_file import read_regular
from kzero_scim.settings.tenant_settings import NAMESPACE
from kzero_scim.stack import backend, safe_yaml, stack_file
from kzero_scim.stack.stack import Stack, run_pulumi
from kzero_scim.tenant.live_resource import SECRET

_UNUSED_SECRETS: Final = frozenset({f"{NAMESPACE}:secretToken", f"{NAMESPACE}:remoteTokenClientSecret"})
"""Encrypted settings whose values reading does not need: it is enough to know that they exist."""
LARGEST: Final = 128 * 1024 * 1024
"""Bytes of a state after decompression."""
_READ_BY_PROGRAM: Final = (f"{NAMESPACE}:", "azuread:")


@dataclass(frozen=True, kw_only=True)
class TenantState:
    """A tenant's stack, read without contacting a service.

    Attributes:
        stack: Configuration and state.
        is_interrupted: Whether a run was interrupted, so that objects may exist that the state does not contain.
        portals: The tenant's pages in both consoles, label to address, from its last run.
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
        """Read what all stacks share."""
        self._project = project
        document = safe_yaml.read(project.folder / "Pulumi.yaml")
        self._document: Mapping[str, Any] = document if isinstance(document, dict) else {}
        self._defaults = _defaults(self._document)
        self._known: dict[Path, bool] = {}
        # No more commands than processors.
        self._commands = asyncio.Semaphore(os.cpu_count() or 1)

    async def load(self, tenant: FleetTenant, environment: Mapping[str, str]) -> TenantState:
        """Return a tenant's stack.

        Args:
            tenant: The tenant.
            environment: The tenant's environment.

        Raises:
            NothingAppliedError: The stack does not exist yet, or is empty.
            SettingsError: The stack file or the state cannot be read.
        """
        if tenant.problem:
            raise SettingsError(tenant.problem)
        deployment = await self._deployment(tenant.name, environment)
        configured = await self._configuration(tenant, environment)
        if not deployment.get("resources"):
            message = (
                f"tenant {tenant.name} is not set up: its stack has never been applied, or was destroyed; run "
                f"`kzero-scim fleet up {tenant.name}`"
            )
            raise NothingAppliedError(message)
        stack = Stack.of(tenant.name, configured, {"deployment": deployment}, self._project.folder)
        root = stack.find("pulumi:pulumi:Stack")
        return TenantState(
            stack=stack,
            is_interrupted=bool(deployment.get("pending_operations")),
            portals=portals_of(root.outputs) if root else {},
        )

    async def _deployment(self, name: str, environment: Mapping[str, str]) -> Mapping[str, Any]:
        found = await asyncio.to_thread(self._from_file, name, environment)
        return await self._exported(name, environment) if found is None else found

    def _from_file(self, name: str, environment: Mapping[str, str]) -> Mapping[str, Any] | None:
        """Return the state from a file backend, or None if only Pulumi can read it."""
        url = backend.backend_url(self._document, environment)
        folder = backend.folder_of(url, self._project.folder) if url else None
        if folder is not None and self._is_known(folder):
            file = backend.state_file(folder, self._project.name, name)
            if file is None:
                raise NothingAppliedError(_never(name, str(url)))
            if file.suffix != ".zst":
                return _read(name, file)
        return None

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
        """Return what `pulumi config --json --show-secrets` would print, with a mark for each unused secret."""
        config = tenant.document.get("config") or {}
        secret = {key for key, value in config.items() if stack_file.holds_secret(value)}
        if any(key.startswith(_READ_BY_PROGRAM) and key not in _UNUSED_SECRETS for key in secret):
            printed = await self._pulumi(environment, "config", "--json", "--show-secrets", "--stack", tenant.name)
            found: dict[str, Any] = json.loads(printed)
        else:
            clear = {**self._defaults, **stack_file.configuration_of(tenant.document)}
            found = {key: {"value": text} for key, text in clear.items()}
            found |= {key: {"value": SECRET, "secret": True} for key in secret}
        return found

    async def _pulumi(self, environment: Mapping[str, str], *arguments: str) -> str:
        async with self._commands:
            return await asyncio.to_thread(run_pulumi, self._project.folder, *arguments, environment=environment)


def _read(name: str, file: Path) -> Mapping[str, Any]:
    """Read a state file, `apitype.VersionedCheckpoint` of Pulumi."""
    try:
        body = Body("gzip" if file.suffix == ".gz" else None, LARGEST)
        body.add(read_regular(file, LARGEST))
        if body.is_too_large:
            message = f"the state of stack {name} has {more_than(LARGEST)} ({file}); no tenant's state is that large"
            raise SettingsError(message)
        document = json.loads(body.whole())
        latest = document["checkpoint"]["latest"] or {}
        resources = latest.get("resources") or []
        if not all(isinstance(entry["urn"], str) and isinstance(entry["type"], str) for entry in resources):
            raise TypeError  # noqa: TRY301 - told as any other
    except OSError as error:
        reason = error.strerror or str(error)
        message = f"could not read the state of stack {name} from {file}: {reason}"
        raise SettingsError(message) from None
    except (UnreadableBodyError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        message = f"the state of stack {name} is truncated ({file}); run `kzero-scim recover {name}` to repair it"
        raise SettingsError(message) from None
    return latest if isinstance(latest, dict) else {}


def _never(name: str, where: str) -> str:
    return (
        f"stack {name} does not exist at {where}; run `kzero-scim fleet up {name}` if it has never been applied, or "
        "correct PULUMI_BACKEND_URL"
    )


def _defaults(project: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings in Pulumi.yaml that apply to every stack, full key to text."""
    declared = project.get("config")
    if not isinstance(declared, dict):
        return {}
    given = {}
    for key, entry in declared.items():
        value = entry.get("value", entry.get("default")) if isinstance(entry, dict) else entry
        if value is not None:
            given[key if ":" in key else f"{project.get('name')}:{key}"] = value
    return stack_file.configuration_of({"config": given})
