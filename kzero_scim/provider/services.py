"""The clients that resources share, made and imported when first used. One instance a provider process.

A preview without a change asks neither KZero nor its SCIM endpoint anything, and python-keycloak takes longer to import
than all the rest of the provider.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from kzero_scim.clients.graph.client import GraphClient
    from kzero_scim.clients.keycloak.accounts import KeycloakAccounts
    from kzero_scim.clients.keycloak.client import KeycloakClient
    from kzero_scim.clients.scim import ScimClient
    from kzero_scim.clients.shared_connections import SharedConnections
    from kzero_scim.clients.token_endpoint import TokenEndpoint
    from kzero_scim.settings.provider_config import Config


class Services:
    """Microsoft Graph, KZero's Keycloak and its SCIM endpoint, for one tenant.

    Args:
        config: How to reach them; nothing is asked of a service before a resource needs it.
        environment: Holds what the configuration has no place for; None for the process's own.
        connections: Connections that other tenants' clients use too; None for connections of their own.
    """

    def __init__(
        self,
        config: Config,
        *,
        environment: Mapping[str, str] | None = None,
        connections: SharedConnections | None = None,
    ) -> None:
        """Keep the configuration."""
        self.config = config
        self._environment = environment
        self._connections = connections

    @cached_property
    def graph(self) -> GraphClient:
        """Microsoft Graph of the Entra tenant."""
        from kzero_scim.clients.graph.client import GraphClient  # noqa: PLC0415 - see the module

        return GraphClient.from_config(self.config, environment=self._environment, connections=self._connections)

    @cached_property
    def keycloak(self) -> KeycloakClient:
        """Keycloak's admin API in the KZero tenant's realm."""
        from kzero_scim.clients.keycloak.client import KeycloakClient  # noqa: PLC0415

        return KeycloakClient.from_config(self.config, transport=self._transport)

    @cached_property
    def accounts(self) -> KeycloakAccounts:
        """Service accounts and the user profile in the KZero tenant's realm."""
        from kzero_scim.clients.keycloak.accounts import KeycloakAccounts  # noqa: PLC0415

        return KeycloakAccounts(self.keycloak)

    @cached_property
    def scim(self) -> ScimClient:
        """The SCIM endpoint, as an outsider sees it."""
        from kzero_scim.clients.scim import ScimClient  # noqa: PLC0415

        return ScimClient(transport=self._transport)

    @cached_property
    def tokens(self) -> TokenEndpoint:
        """The token endpoint, as Entra would ask it with the profile Generic."""
        from kzero_scim.clients.token_endpoint import TokenEndpoint  # noqa: PLC0415

        return TokenEndpoint(transport=self._transport)

    @property
    def _transport(self) -> httpx.AsyncBaseTransport | None:
        return self._connections.transport() if self._connections else None

    async def aclose(self) -> None:
        """Close the connections of those clients that were used."""
        for name in ("graph", "keycloak", "scim", "tokens"):
            if name in self.__dict__:
                await self.__dict__[name].aclose()
