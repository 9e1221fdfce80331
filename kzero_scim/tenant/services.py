"""The services of one tenant, as a command asks them: by its settings and the environment, without an engine."""

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
    """Open both sides of a tenant, and close every connection at the end.

    Args:
        settings: The tenant's settings.
        configuration: The stack's whole configuration, full key to text.
        environment: Holds the tenant's credentials; None for the process's own.
        connections: Connections that other tenants use too, which are not closed; None for the tenant's own.
    """
    given = os.environ if environment is None else environment
    services = Services(
        complete(connection(settings, configuration), given), environment=environment, connections=connections
    )
    try:
        yield services
    finally:
        await services.aclose()
