"""Connects a command to both sides of one tenant, by its settings and environment, without an engine."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from kzero_scim.clients.shared_connections import SharedConnections
from kzero_scim.provider.services import Services
from kzero_scim.settings.connection import connection
from kzero_scim.settings.provider_config import complete
from kzero_scim.settings.tenant_settings import NAMESPACE, TenantSettings
from kzero_scim.stack.host_rule import required_hosts


@asynccontextmanager
async def tenant_services(
    settings: TenantSettings,
    configuration: Mapping[str, str],
    environment: Mapping[str, str] | None = None,
    connections: SharedConnections | None = None,
    project: Path = Path(),
) -> AsyncIterator[Services]:
    """Yield the services of both sides, and close their connections at the end.

    Args:
        settings: The tenant's settings.
        configuration: The stack's whole configuration, full key to text.
        environment: The tenant's environment variables; None for this process's.
        connections: Connections that tenants share, which stay open; None to open and close separate ones.
        project: The folder of Pulumi.yaml.

    Raises:
        SettingsError: A secret that the stack file does not hold would go to a host that only the stack file names.
    """
    given = os.environ if environment is None else environment
    hosts = required_hosts({**configuration, f"{NAMESPACE}:kzeroServerUrl": settings.kzero_server_url}, given, project)
    services = Services(
        complete(connection(settings, configuration), given),
        environment=environment,
        connections=connections,
        hosts=hosts,
    )
    try:
        yield services
    finally:
        await services.aclose()
