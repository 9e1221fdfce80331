"""The parts of a provider package, and the package ``kzero``. Knows neither gRPC nor the engine."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar, cast

import kzero_scim
from kzero_scim.provider.services import Services
from kzero_scim.resource.facts import Facts
from kzero_scim.resource.model import Call, Change, Function, Resource, Sides
from kzero_scim.settings.allowed_hosts import HostRule
from kzero_scim.settings.connection import as_configuration
from kzero_scim.settings.moves import check_moves
from kzero_scim.settings.provider_config import Config, complete
from kzero_scim.stack.host_rule import required_hosts

KindT = TypeVar("KindT")


class Closing(Protocol):
    """The services that resources are constructed with."""

    async def aclose(self) -> None:
        """Close all connections."""


class Kinds(Mapping[str, KindT], Generic[KindT]):
    """Classes or facts by type token, each imported on first use.

    The provider starts in every preview of every tenant, so it must not import what a tenant does not use.

    Args:
        places: The object, or its place ``package.module:Name``, by token.
    """

    def __init__(self, places: Mapping[str, str | KindT]) -> None:
        """Store the places."""
        self._places = dict(places)

    def __getitem__(self, token: str) -> KindT:
        """Return a class, importing it if necessary."""
        place = self._places[token]
        if isinstance(place, str):
            module, _, name = place.partition(":")
            self._places[token] = place = cast("KindT", getattr(import_module(module), name))
        return place

    def __contains__(self, token: object) -> bool:
        """Return whether a class has this token, without importing it."""
        return token in self._places

    def __iter__(self) -> Iterator[str]:
        """Return an iterator over the tokens, in order of declaration."""
        return iter(self._places)

    def __len__(self) -> int:
        """Return the number of tokens."""
        return len(self._places)


class Admit(Protocol):
    """Decides whether a run may make its first change."""

    async def __call__(self, services: Any, call: Call, token: str, *, creates: bool) -> None:  # noqa: ANN401 - Closing
        """Return, warn or raise an error."""


OnDrift = Callable[[Any, str, Sides, list[Change]], Awaitable[list[str]]]


@dataclass(frozen=True)
class Package:
    """A provider package.

    Attributes:
        name: The package's name, the first part of its type tokens.
        version: Its version.
        description: For the schema.
        config: The dataclass of the provider's configuration.
        connect: Returns the services that resources are constructed with, from the configuration.
        resources: The resource kinds by type token.
        facts: The facts about each resource, available without its class, by type token, in the order of reports.
        functions: The functions by token.
        metadata: Additional top-level entries of the schema.
        on_drift: Returns who changed a resource that a refresh finds changed, and when, one line each. Its arguments
            are the services, the type token, the resource's sides, and the differences.
        check_change: Compares the provider's settings in the state and now. Refuses a change by raising an error, or
            returns warnings.
        check_config: Refuses a configuration by raising an error, as early as the engine passes it.
        admit: Refuses the first change of a run by raising an error, or warns in a preview. Its arguments are the
            services, the request, the type token, and whether the resource is new.
    """

    name: str
    version: str
    description: str
    config: type[Any]
    connect: Callable[[Any], Closing]
    resources: Mapping[str, type[Resource[Any, Any]]]
    facts: Mapping[str, Facts] = field(default_factory=dict)
    functions: Mapping[str, type[Function[Any, Any]]] = field(default_factory=dict)
    metadata: Mapping[str, Any] = field(default_factory=dict)
    on_drift: OnDrift | None = None
    check_change: Callable[[Mapping[str, Any], Mapping[str, Any]], list[str]] = lambda _old, _new: []
    check_config: Callable[[Any], object] = lambda _config: None
    admit: Admit | None = None


def _required_hosts(config: Config) -> HostRule:
    return required_hosts(as_configuration(config), os.environ, Path.cwd())


def _connect(config: Config) -> Closing:
    return Services(complete(config, os.environ), hosts=_required_hosts(config))


async def _admit(services: Services, call: Call, token: str, *, creates: bool) -> None:
    from kzero_scim.provider.write_access import admit  # noqa: PLC0415 - only changes need it

    await admit(services, call, is_new_tenant=creates and token == next(iter(_RESOURCES)))


async def _who_changed(services: Services, token: str, sides: Sides, changes: list[Change]) -> list[str]:
    from kzero_scim.provider.change_authors import who_changed  # noqa: PLC0415 - only drift needs it

    return await who_changed(services, KZERO.resources[token], sides, changes)


_ENTRA: Final = "kzero_scim.provider.entra"
_KEYCLOAK: Final = "kzero_scim.provider.keycloak"

_RESOURCES: Final = {
    "kzero:keycloak:ScimEndpoint": _KEYCLOAK + ".scim_endpoint",
    "kzero:keycloak:MapperSet": _KEYCLOAK + ".mapper_set",
    "kzero:keycloak:ScimApiClient": _KEYCLOAK + ".scim_api_client",
    "kzero:keycloak:ScimAttributes": _KEYCLOAK + ".scim_attributes",
    "kzero:keycloak:RemoteToken": _KEYCLOAK + ".remote_token",
    "kzero:entra:AppRoleAssignments": _ENTRA + ".app_role_assignments",
    "kzero:keycloak:ProvisionedUsers": _KEYCLOAK + ".provisioned_users",
    "kzero:entra:SynchronizationJob": _ENTRA + ".synchronization_job",
    "kzero:entra:SynchronizationCredentials": _ENTRA + ".synchronization_credentials",
    "kzero:entra:AttributeMappings": _ENTRA + ".attribute_mappings",
    "kzero:entra:ConnectionTest": _ENTRA + ".connection_test",
    "kzero:entra:ProvisioningStatus": _ENTRA + ".provisioning_status",
    "kzero:entra:OnDemandProvisioning": _ENTRA + ".on_demand_provisioning",
}
"""The resource's folder by type token, in the order of the guide's steps. This is the only list of all resources."""

KZERO: Final = Package(
    name="kzero",
    version=kzero_scim.__version__,
    description="SCIM provisioning from Microsoft Entra ID to KZero Passwordless, both sides.",
    config=Config,
    connect=_connect,
    check_change=check_moves,
    check_config=_required_hosts,
    resources=Kinds[type[Resource[Any, Any]]](
        {token: f"{folder}.resource:{token.rpartition(':')[2]}" for token, folder in _RESOURCES.items()}
    ),
    facts=Kinds[Facts]({token: f"{folder}.facts:FACTS" for token, folder in _RESOURCES.items()}),
    functions=Kinds[type[Function[Any, Any]]](
        {
            "kzero:entra:findOrphanedApplication": _ENTRA + ".orphaned_application:FindOrphanedApplication",
            "kzero:entra:getGlobalAdministrators": _ENTRA + ".global_administrators:GetGlobalAdministrators",
        }
    ),
    metadata={
        "displayName": "KZero SCIM",
        "license": "Apache-2.0",
        "publisher": "KZero SCIM",
        "keywords": ["pulumi", "kzero", "scim", "entra", "keycloak", "category/infrastructure"],
    },
    on_drift=_who_changed,
    admit=_admit,
)
"""The package of this repository."""
