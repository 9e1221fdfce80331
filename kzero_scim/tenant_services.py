"""The services of one tenant, as a command asks them: by its settings and the environment, without an engine."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from components.connection import connection
from components.settings import TenantSettings
from kzero_scim.provider.config import complete
from kzero_scim.provider.services import Services


@asynccontextmanager
async def tenant_services(settings: TenantSettings, configuration: Mapping[str, str]) -> AsyncIterator[Services]:
    """Open both sides of a tenant, and close every connection at the end.

    Args:
        settings: The tenant's settings.
        configuration: The stack's whole configuration, full key to text.
    """
    services = Services(complete(connection(settings, configuration), os.environ))
    try:
        yield services
    finally:
        await services.aclose()
