"""The clients that resources share, each imported and created on first use. Knows no resource.

One instance per provider process. A preview without a change sends KZero and its SCIM endpoint no request, and
python-keycloak takes longer to import than the rest of the provider.
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from kzero_scim.redaction import learn
from kzero_scim.resource.codec import fields_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

    from kzero_scim.clients.graph.client import GraphClient
    from kzero_scim.clients.keycloak.accounts import KeycloakAccounts
    from kzero_scim.clients.keycloak.client import KeycloakClient
    from kzero_scim.clients.scim import ScimClient
    from kzero_scim.clients.shared_connections import SharedConnections
    from kzero_scim.clients.token_endpoint import TokenEndpoint
    from kzero_scim.settings.allowed_hosts import HostRule
    from kzero_scim.settings.provider_config import Config


class Services:
    """Microsoft Graph, KZero's Keycloak and its SCIM endpoint, for one tenant.

    Args:
        config: The configuration. Clients send no request before a resource needs one.
        environment: Variables that have no setting; None for the process's environment.
        connections: Connections shared with other tenants' clients; None for their own connections.
        hosts: Where secrets of the environment may go; None for wherever the configuration says.
    """

    def __init__(
        self,
        config: Config,
        *,
        environment: Mapping[str, str] | None = None,
        connections: SharedConnections | None = None,
        hosts: HostRule | None = None,
    ) -> None:
        """Store the configuration. Its secrets are redacted from now on."""
        learn([getattr(config, spec.name) for spec in fields_of(type(config)).values() if spec.about.secret])
        self.config = config
        self.hosts = hosts
        self._environment = environment
        self._connections = connections

    @cached_property
    def graph(self) -> GraphClient:
        """Microsoft Graph of the Entra tenant."""
        from kzero_scim.clients.graph.client import GraphClient  # noqa: PLC0415 - imported on first use

        return GraphClient.from_config(
            self.config, environment=self._environment, connections=self._connections, hosts=self.hosts
        )

    @cached_property
    def keycloak(self) -> KeycloakClient:
        """Keycloak's admin API in the KZero tenant's realm."""
        from kzero_scim.clients.keycloak.client import KeycloakClient  # noqa: PLC0415 - as above

        return KeycloakClient.from_config(self.config, transport=self._transport)

    @cached_property
    def accounts(self) -> KeycloakAccounts:
        """Service accounts and the user profile in the KZero tenant's realm."""
        from kzero_scim.clients.keycloak.accounts import KeycloakAccounts  # noqa: PLC0415 - as above

        return KeycloakAccounts(self.keycloak)

    @cached_property
    def scim(self) -> ScimClient:
        """The SCIM endpoint, as seen from outside."""
        from kzero_scim.clients.scim import ScimClient  # noqa: PLC0415 - as above

        return ScimClient(transport=self._transport)

    @cached_property
    def tokens(self) -> TokenEndpoint:
        """The token endpoint, as Entra uses it with the profile Generic."""
        from kzero_scim.clients.token_endpoint import TokenEndpoint  # noqa: PLC0415 - as above

        return TokenEndpoint(transport=self._transport, hosts=self.hosts)

    @property
    def _transport(self) -> httpx.AsyncBaseTransport | None:
        return self._connections.transport() if self._connections else None

    async def aclose(self) -> None:
        """Close the connections of all clients that were used."""
        for name in ("graph", "keycloak", "scim", "tokens"):
            if name in self.__dict__:
                await self.__dict__[name].aclose()
