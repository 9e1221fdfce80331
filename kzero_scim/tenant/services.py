"""Connects a command to both sides of one tenant, by its settings and environment, without an engine."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from kzero_scim.clients.shared_connections import SharedConnections
from kzero_scim.provider.services import Services
from kzero_scim.settings.connection import connection
from kzero_scim.settings.provider_config import complete
from kzero_scim.settings.tenant_settings import TenantSettings


@asynccontextmanager
async def tenant_services(
    settings: TenantSettings,
    configuration: Mapping[str, str],
    environment: Mapping[str, str] | None = None,
    connections: SharedConnections | None = None,
) -> AsyncIterator[Services]:
    """Yield the services of both sides, and close their connections at the end.

    Args:
        settings: The tenant's settings.
        configuration: The stack's whole configuration, full key to text.
        environment: The tenant's environment variables; None for this process's.
        connections: Connections that tenants share, which stay open; None to open and close separate ones.
    """
    given = os.environ if environment is None else environment
    services = Services(
        complete(connection(settings, configuration), given), environment=environment, connections=connections
    )
    try:
        yield services
    finally:
        await services.aclose()
