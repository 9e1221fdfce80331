"""Finds missing programs on this machine and missing permissions of a tenant's credentials. Changes nothing."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final, Literal

from kzero_scim.errors import KzeroScimError, ServiceError
from kzero_scim.home_folder import home_folder
from kzero_scim.keycloak import server_version
from kzero_scim.provider.keycloak.remote_token.resource import token_endpoint
from kzero_scim.provider.keycloak.remote_token.token_life import in_words, refusal, too_short
from kzero_scim.provider.services import Services
from kzero_scim.settings.connection import remote_token_client
from kzero_scim.settings.tenant_settings import TenantSettings
from kzero_scim.stack.lock import backend_folder, locks
from kzero_scim.stack.stack import Stack, project_name, pulumi_cli
from kzero_scim.tenant.services import tenant_services

_AZUREAD: Final = "resource-azuread-v6.11.1"

GRAPH_PERMISSIONS: Final[tuple[tuple[frozenset[str], str], ...]] = (
    (
        frozenset({"Application.ReadWrite.OwnedBy", "Application.ReadWrite.All", "Directory.ReadWrite.All"}),
        "create and change the application, its job and mappings",
    ),
    (frozenset({"AppRoleAssignment.ReadWrite.All"}), "assign users and groups"),
    (
        frozenset(
            {"Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}
        ),
        "read assignments and the service principal's roles",
    ),
    (
        frozenset({"User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All"}),
        "find users by name",
    ),
    (
        frozenset({"Group.Read.All", "GroupMember.Read.All", "Group.ReadWrite.All", "Directory.Read.All"}),
        "find groups by name",
    ),
)
"""Sets of permissions and their purpose. One permission of each set is enough."""
OPTIONAL_GRAPH_PERMISSIONS: Final = (
    (
        frozenset({"RoleManagement.Read.Directory", "RoleManagement.Read.All", "Directory.Read.All"}),
        "warn of a possible lockout",
    ),
    (frozenset({"AuditLog.Read.All"}), "name users in error and who changed what, from Entra's logs"),
    (
        frozenset({"Directory.Read.All", "Directory.ReadWrite.All"}),
        "name users in error and who changed what, together with AuditLog.Read.All",
    ),
)
_LEAST: Final = (
    "Application.ReadWrite.OwnedBy",
    "AppRoleAssignment.ReadWrite.All",
    "Application.Read.All",
    "User.Read.All",
    "Group.Read.All",
    "RoleManagement.Read.Directory",
    "AuditLog.Read.All",
    "Directory.Read.All",
)
_READING: Final = "Previews, drift and status work without it"
_COLOUR: Final = re.compile(r"\x1b\[[0-9;]*m")
KEYCLOAK_ROLES: Final = ("view-clients", "manage-clients", "view-users")


State = Literal["ok", "optional", "unknown", "missing"]


@dataclass(frozen=True)
class Finding:
    """One line of the doctor: the subject, its state, and a detail or the remedy.

    Something required whose state is unknown is not ok.
    """

    subject: str
    state: State
    detail: str

    @property
    def needs_action(self) -> bool:
        """Whether something required is missing or unknown."""
        return self.state in {"missing", "unknown"}


def examine_machine(project: Path) -> list[Finding]:
    """Check the programs that the project needs, and those that only its sandbox needs.

    Args:
        project: The folder of Pulumi.yaml.
    """
    version = ".".join(map(str, sys.version_info[:3]))
    findings = [
        Finding("Python", "ok" if sys.version_info >= (3, 11) else "missing", f"{version}; requires 3.11 or newer"),
        _pulumi(),
        _language_host(),
        examine_azuread(),
    ]
    if not (project / "Pulumi.yaml").exists():
        findings.append(
            Finding(
                "project",
                "missing",
                f"{project} has no Pulumi.yaml; run this in the project's folder, or give it with --project",
            )
        )
    for program, arguments, purpose in (
        ("java", ["-version"], "Java 17, for the sandbox's Keycloak"),
        ("mvn", ["--version"], "Maven, to download Keycloak"),
        ("go", ["version"], "Go 1.25.11, to build a Pulumi CLI if none is installed"),
    ):
        line = _first_line(program, arguments)
        findings.append(Finding(program, "ok" if line else "optional", line or f"not found; install {purpose}"))
    return findings


def _first_line(program: str, arguments: list[str]) -> str | None:
    path = shutil.which(program)
    if path is None:
        return None
    command = [path, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - fixed words, no shell
    if done.returncode:
        return None  # macOS has a "java" that only says how to get one
    text = _COLOUR.sub("", done.stdout or done.stderr).strip()
    return text.splitlines()[0] if text else path


def _pulumi() -> Finding:
    command = pulumi_cli()
    if command is None:
        return Finding("Pulumi CLI", "missing", "not found; install it, or run `make setup` to build one")
    where = "on PATH" if shutil.which("pulumi") else f"not on PATH; add {Path(command).parent} to it"
    return Finding("Pulumi CLI", "ok" if shutil.which("pulumi") else "optional", f"{command}, {where}")


def _language_host() -> Finding:
    command = pulumi_cli()
    beside = shutil.which("pulumi-language-python", path=str(Path(command).resolve().parent)) if command else None
    found = shutil.which("pulumi-language-python") or beside
    if found:
        return Finding("Python language host", "ok", found)
    return Finding("Python language host", "missing", "pulumi-language-python is not beside the Pulumi CLI")


def examine_azuread() -> Finding:
    """Check whether the azuread plugin is installed completely, and whether it is the official one."""
    own, named = home_folder(), os.environ.get("PULUMI_HOME")
    homes = [*([Path(named)] if named else []), *([own / ".pulumi"] if own else [])]
    for folder in (home / "plugins" / _AZUREAD for home in homes):
        if folder.exists():
            return _azuread_in(folder)
    return Finding(
        "azuread plugin", "optional", "not installed yet; an official Pulumi CLI downloads it in the first run"
    )


def _azuread_in(folder: Path) -> Finding:
    try:
        with (folder / "pulumi-resource-azuread").open("rb") as program:
            kind = "offline stand-in" if program.read(2) == b"#!" else "official"
    except OSError as error:
        problem = (
            f"{folder} is incomplete: {error.strerror}; delete that folder, then Pulumi downloads the plugin again"
        )
        return Finding("azuread plugin", "missing", problem)
    return Finding("azuread plugin", "ok", f"{kind}, {folder}")


def examine_locks(stack: str, project: Path) -> list[Finding]:
    """Return the locks of a stack. Only file backends show them.

    Raises:
        SettingsError: The backend could not be determined.
    """
    folder = backend_folder(project)
    if folder is None:
        return []
    remedies = {
        "alive": "a run in progress; wait until it ends",
        "dead": f"a run that no longer exists; run `kzero-scim recover {stack}` to unlock it",
        "elsewhere": f"a run on another machine; if it has ended, run `kzero-scim recover {stack}` there",
    }
    return [
        Finding(
            "stack lock",
            "optional" if lock.holder == "alive" else "missing",
            f"{stack} is locked by {remedies[lock.holder]} ({lock.words})",
        )
        for lock in locks(folder, project_name(project), stack)
    ]


async def examine_credentials(stack: Stack) -> list[Finding]:
    """Sign in to both sides of a tenant and compare granted with required permissions.

    Raises:
        SettingsError: The stack's settings are wrong.
    """
    settings = await asyncio.to_thread(TenantSettings.parse, stack.configuration, stack.secret_keys, stack.project)
    async with tenant_services(settings, stack.configuration, project=stack.project) as services:
        return [*await _graph(services, settings), *await _keycloak(services, settings)]


async def _graph(services: Services, settings: TenantSettings) -> list[Finding]:
    try:
        granted = await services.graph.granted_permissions()
    except KzeroScimError as error:
        return [Finding("Entra sign-in", _state(error), str(error))]
    findings = [Finding("Entra sign-in", "ok", f"tenant {settings.entra_tenant_id}")]
    if granted is None:
        detail = (
            "the token does not name them, because they depend on directory roles; the role Cloud Application "
            "Administrator is sufficient"
        )
        return [*findings, Finding("Graph permissions", "unknown", detail)]
    needed = GRAPH_PERMISSIONS if settings.groups else GRAPH_PERMISSIONS[:-1]
    for accepted, purpose in (*needed, *OPTIONAL_GRAPH_PERMISSIONS):
        least = next(name for name in _LEAST if name in accepted)
        held = sorted(granted & accepted)
        optional = (accepted, purpose) in OPTIONAL_GRAPH_PERMISSIONS
        state: State = "ok" if held else "optional" if optional else "missing"
        detail = (
            f"to {purpose}; granted by {', '.join(held)}"
            if held
            else f"not granted; needed to {purpose}; grant it with admin consent{_for_reading(least, granted)}"
        )
        findings.append(Finding(least, state, detail))
    return findings


def _for_reading(permission: str, granted: frozenset[str]) -> str:
    """Return what commands that only read need instead of a permission to write."""
    if ".ReadWrite." not in permission:
        return ""
    if permission == "AppRoleAssignment.ReadWrite.All":
        return f". {_READING}"
    instead = "Synchronization.Read.All"
    held = {instead, "Synchronization.ReadWrite.All"} & granted
    return f". {_READING}, with {instead}, which is {'granted' if held else 'not granted either'}"


async def _keycloak(services: Services, settings: TenantSettings) -> list[Finding]:
    realm = settings.kzero_tenant
    try:
        await services.keycloak.check_realm(realm)
        granted = await services.keycloak.granted_roles(realm)
    except KzeroScimError as error:
        return [Finding("KZero sign-in", _state(error), str(error))]
    findings = [
        Finding("KZero sign-in", "ok", f"{settings.kzero_server_url}, tenant {realm}"),
        await _version(services, realm),
    ]
    findings += _roles(settings, granted)
    if client := remote_token_client(settings, os.environ):
        findings.append(await _remote_token(services, settings, client))
    return findings


def _roles(settings: TenantSettings, granted: frozenset[str] | None) -> list[Finding]:
    """Compare the account's roles of client realm-management with the required ones."""
    if granted is None:
        detail = (
            "the account's token does not name its roles, which is usual for lightweight access tokens; check the "
            "account's roles in the Advanced Console"
        )
        return [Finding("realm-management roles", "unknown", detail)]
    findings = []
    on_realm = settings.activation == "attributes" and settings.activation_holder != "client"
    further: tuple[str, ...] = ("view-realm", "manage-realm") if on_realm else ()
    further += ("manage-users",) if settings.on_destroy == "disable" else ()
    for role in (*KEYCLOAK_ROLES, *further):
        held = role in granted or "realm-admin" in granted or _implied(role, granted)
        detail = "granted" if held else "not granted; assign it under the client's Service account roles"
        if not held and role.startswith("manage-"):
            detail += f". {_READING}"
        findings.append(Finding(f"realm-management {role}", "ok" if held else "missing", detail))
    shown = bool({"view-events", "manage-events", "realm-admin"} & granted)
    detail = "granted" if shown else "not granted; needed to name who changed KZero's side"
    findings.append(Finding("realm-management view-events", "ok" if shown else "optional", detail))
    if settings.is_native:
        held = bool(granted & {"manage-users", "realm-admin"})
        detail = (
            "granted" if held else "not granted; needed only to assign that role to the client that Entra signs in as"
        )
        findings.append(Finding("realm-management manage-users", "ok" if held else "optional", detail))
    return findings


def _state(error: KzeroScimError) -> Literal["missing", "unknown"]:
    """Return the state that an error shows: unknown if a service did not answer, otherwise missing."""
    is_unanswered = isinstance(error, ServiceError) and (
        error.status is None or error.status >= HTTPStatus.INTERNAL_SERVER_ERROR
    )
    return "unknown" if is_unanswered else "missing"


async def _version(services: Services, realm: str) -> Finding:
    version = await services.keycloak.version(realm)
    if version is None:
        return Finding("Keycloak version", "optional", "unknown: the server shows it only to some accounts")
    reason = server_version.refusal(services.keycloak.server_url, version)
    return Finding("Keycloak version", "missing" if reason else "ok", reason or version)


async def _remote_token(services: Services, settings: TenantSettings, client: str) -> Finding:
    """Check the remote token by requesting one, as Entra or this project would."""
    address = settings.remote_token_endpoint or token_endpoint(settings.kzero_server_url, settings.kzero_tenant)
    secret = services.config.remote_token_client_secret
    if not secret:
        reason = f'client "{client}" has no secret; set remoteTokenClientSecret (KZERO_REMOTE_TOKEN_CLIENT_SECRET)'
        return Finding("remote token", "missing", reason)
    try:
        obtained = await services.tokens.obtain(address, client, secret)
    except KzeroScimError as error:
        return Finding("remote token", _state(error), str(error))
    life = f"valid for {in_words(obtained.lifespan)}" if obtained.lifespan is not None else "of unknown lifetime"
    lasts = settings.remote_token_lifespan or not too_short(obtained.lifespan)
    if settings.remote_token_method != "oauth2" and not lasts:  # noqa: S105 - a choice
        return Finding("remote token", "missing", refusal(client, obtained.lifespan))
    return Finding("remote token", "ok", f'client "{client}", tokens {life}')


def _implied(role: str, granted: frozenset[str]) -> bool:
    """Return whether a manage-... role implies a view-... role, as in Keycloak's admin API."""
    return role.startswith("view-") and role.replace("view-", "manage-") in granted
