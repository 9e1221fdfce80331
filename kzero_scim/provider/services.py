"""The clients that resources share, made when first used. One instance a provider process."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from kzero_scim.clients.graph import GraphClient
from kzero_scim.clients.keycloak import KeycloakClient
from kzero_scim.clients.scim import ScimClient

if TYPE_CHECKING:
    from kzero_scim.provider.config import Config


class Services:
    """Microsoft Graph, KZero's Keycloak and its SCIM endpoint, for one tenant.

    Args:
        config: How to reach them; nothing is asked of a service before a resource needs it.
    """

    def __init__(self, config: Config) -> None:
        """Keep the configuration."""
        self.config = config

    @cached_property
    def graph(self) -> GraphClient:
        """Microsoft Graph of the Entra tenant."""
        return GraphClient.from_config(self.config)

    @cached_property
    def keycloak(self) -> KeycloakClient:
        """Keycloak's admin API in the KZero tenant's realm."""
        return KeycloakClient.from_config(self.config)

    @cached_property
    def scim(self) -> ScimClient:
        """The SCIM endpoint, as an outsider sees it."""
        return ScimClient()

    async def aclose(self) -> None:
        """Close the connections of those clients that were used."""
        for name in ("graph", "keycloak", "scim"):
            if name in self.__dict__:
                await self.__dict__[name].aclose()
