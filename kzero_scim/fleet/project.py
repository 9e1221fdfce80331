"""Reads the fleet: the stacks of one Pulumi project, from its folder. Runs nothing and contacts no service."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kzero_scim.display import listed, plain
from kzero_scim.errors import SettingsError
from kzero_scim.guide.values import APPLICATION_NAME, CLOUD
from kzero_scim.origin import origin
from kzero_scim.settings.moves import server
from kzero_scim.settings.tenant_settings import NAMESPACE
from kzero_scim.stack import safe_yaml, stack_file
from kzero_scim.stack.host_rule import ALLOWED_HOSTS, FLEET_FILE
from kzero_scim.stack.key_service import require_own_services
from kzero_scim.stack.stack import project_name

_LONGEST_LIST: Final = 5
"""Files in an error."""
LEFT: Final = ".kzero-scim"
"""Folder in the project for documents and logs of runs."""


class CredentialSettings(BaseModel):
    """Sources of a tenant's own credentials, in addition to the environment.

    Attributes:
        files: Folder of ``<tenant>.env`` files, relative to the project.
        command: A program and its arguments; ``{tenant}`` is replaced by the tenant's name. It prints ``NAME=VALUE``
            lines or a JSON object.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    files: str = ""
    command: list[str] = Field(default_factory=list)


class FleetSettings(BaseModel):
    """``fleet.yaml``, beside Pulumi.yaml.

    Attributes:
        exclude: Globs of stacks that are not tenants, for example examples.
        unrelated: Globs of files that are not part of the program. Changing them affects no tenant.
        credentials: Where tenants' credentials come from.
        allowed_hosts: Origins that may receive secrets which no stack file holds.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    exclude: list[Annotated[str, Field(min_length=1)]] = Field(default_factory=list)
    unrelated: list[Annotated[str, Field(min_length=1)]] = Field(default_factory=list)
    credentials: CredentialSettings = CredentialSettings()
    allowed_hosts: list[str] = Field(default_factory=list, alias=ALLOWED_HOSTS)


@dataclass(frozen=True)
class FleetTenant:
    """One tenant of the fleet.

    Attributes:
        name: The stack's name.
        file: Its stack file.
        document: The stack file's content.
        problem: Why the file cannot be read, in one line; "" if it can. Only this tenant fails then.
    """

    name: str
    file: Path
    document: Mapping[str, Any] = field(repr=False, compare=False)
    problem: str = ""

    @property
    def tags(self) -> tuple[str, ...]:
        """The tags in the stack file, in its order."""
        found = (self.document.get("config") or {}).get(f"{NAMESPACE}:tags")
        return tuple(str(tag) for tag in found) if isinstance(found, list) else ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names that differ per tenant, beside the stack's name: realm, Entra tenant ID, domains of its users."""
        settings = self.document.get("config") or {}
        found = [settings.get(f"{NAMESPACE}:kzeroTenant"), settings.get("azuread:tenantId")]
        users = settings.get(f"{NAMESPACE}:users")
        people = [settings.get(f"{NAMESPACE}:testUser"), *(users if isinstance(users, list) else [])]
        found += [person.rpartition("@")[2] for person in people if isinstance(person, str) and "@" in person]
        return tuple(dict.fromkeys(name for name in found if isinstance(name, str) and name))


@dataclass(frozen=True)
class FleetProject:
    """A project with its tenants.

    Attributes:
        folder: The folder of Pulumi.yaml.
        name: The project's name.
        settings: The fleet's settings.
        tenants: The tenants by name.
    """

    folder: Path
    name: str
    settings: FleetSettings
    tenants: Mapping[str, FleetTenant]

    @property
    def runs(self) -> Path:
        """Folder of the last document of each command."""
        return self.folder / LEFT / "runs"

    @property
    def logs(self) -> Path:
        """Folder of the tenants' logs."""
        return self.folder / LEFT / "logs"

    @classmethod
    def load(cls, folder: Path) -> FleetProject:
        """Return the project in a folder.

        Raises:
            SettingsError: The folder has no project, or its files cannot be read.
        """
        name = project_name(folder)
        settings = _settings(folder / FLEET_FILE)
        tenants = {}
        for file in sorted((folder / "stacks").glob("Pulumi.*.yaml")):
            tenant = file.name.removeprefix("Pulumi.").removesuffix(".yaml")
            if not any(fnmatchcase(tenant, pattern) for pattern in settings.exclude):
                tenants[tenant] = _tenant(folder, tenant, file)
        return cls(folder, name, settings, _without_conflicts(folder, tenants))


def _tenant(folder: Path, name: str, file: Path) -> FleetTenant:
    try:
        stack_file.path_of(folder, name)  # refuses a name that cannot be a stack's
        if not file.exists():
            message = f"{plain(str(file))} cannot be read: the target of the symbolic link does not exist"
            raise SettingsError(message)  # noqa: TRY301 - told as any other
        document = stack_file.load(file)
        require_own_services(document, os.environ)
        return FleetTenant(name, file, document)
    except SettingsError as error:
        return FleetTenant(name, file, {}, str(error))


def _without_conflicts(folder: Path, tenants: Mapping[str, FleetTenant]) -> dict[str, FleetTenant]:
    """Return the tenants. Those that manage the same objects as another one have a problem that names both files."""
    owners: dict[tuple[str, ...], list[tuple[_Managed, FleetTenant]]] = {}
    for tenant in tenants.values():
        for managed in _managed(tenant.document.get("config") or {}):
            owners.setdefault(managed.identity, []).append((managed, tenant))
    problems: dict[str, list[str]] = {}
    for found in owners.values():
        what, remedy = found[0][0].words, found[0][0].remedy
        sharing = [tenant for _, tenant in found]
        if len(sharing) > 1:
            files = listed([plain(str(tenant.file.relative_to(folder))) for tenant in sharing], _LONGEST_LIST)
            problem = f"{files} manage the same {what}, so each undoes what the other writes; {remedy}"
            for tenant in sharing:
                problems.setdefault(tenant.name, []).append(problem)
    return {
        name: replace(tenant, problem="; ".join(problems[name])) if name in problems and not tenant.problem else tenant
        for name, tenant in tenants.items()
    }


@dataclass(frozen=True)
class _Managed:
    """One object that a stack file manages: how to compare it, and what to say about it."""

    identity: tuple[str, ...]
    words: str
    remedy: str


def _managed(settings: Mapping[str, Any]) -> Iterator[_Managed]:

    def text(key: str, default: str = "") -> str:
        found = settings.get(key) or default
        return found if isinstance(found, str) else ""

    realm, entra = text(f"{NAMESPACE}:kzeroTenant"), text("azuread:tenantId")
    if not realm or not entra:
        return  # the stack's own run reports what is missing
    address = text(f"{NAMESPACE}:kzeroServerUrl", CLOUD)
    if origin(address):
        remedy = "keep one of them, or correct kzeroTenant"
        words = f'KZero tenant "{plain(realm)}" at {plain(address)}'
        yield _Managed((server(address), realm), words, remedy)
    application = text(f"{NAMESPACE}:applicationName", APPLICATION_NAME)
    remedy = "keep one of them, or set another applicationName"
    words = f'application "{plain(application)}" in Entra tenant {plain(entra)}'
    yield _Managed((entra.casefold(), application), words, remedy)


def _settings(file: Path) -> FleetSettings:
    try:
        return FleetSettings.model_validate(safe_yaml.read(file) or {})
    except FileNotFoundError:
        return FleetSettings()
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        message = f"{file}: {place}: {first['msg']}"
        raise SettingsError(message) from None
