"""Entra's access to KZero with the profile Generic: obtains and tests a token of the realm for Entra."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pulumi

from kzero_scim import sdk as kzero


@dataclass(frozen=True, kw_only=True)
class NativeAccess:
    """Settings for Keycloak's own SCIM API.

    Attributes:
        token_lifespan: Lifespan of the client's tokens in seconds; None keeps it unchanged.
        attributes: SCIM attribute by user attribute, for attributes that Keycloak stores besides the core attributes.
    """

    token_lifespan: int | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


class RemoteAccess(pulumi.ComponentResource):
    """The client of the tenant's realm with which Entra provisions.

    Args:
        name: Name of the component.
        tenant: Name of the KZero tenant (realm).
        tenant_url: SCIM endpoint at which to test the token.
        client_id: Client ID. The secret is in the provider's configuration.
        token_endpoint: Address that issues tokens; None for the realm's own.
        method: ``bearer``: Entra gets a token; ``oauth2``: Entra gets the client (experimental).
        renew_before: For ``bearer``: seconds before the expiry at which to replace a token.
        endpoint_fingerprint: Hash of the endpoint's settings. A changed hash tests a new token.
        native: Settings for Keycloak's own SCIM API; None for KZero's endpoint.

    Attributes:
        attributes: The resource for additional attributes of Keycloak's own SCIM API; None without such attributes.
        token: The resource for the token.
        secret_token: The token that Entra sends; None with ``oauth2``.
        oauth2: The client with which Entra fetches tokens; None with ``bearer``.
    """

    secret_token: pulumi.Output[str] | None
    oauth2: Mapping[str, pulumi.Input[str | None]] | None

    def __init__(  # noqa: PLR0913 - one keyword a setting
        self,
        name: str,
        *,
        tenant: str,
        tenant_url: pulumi.Input[str],
        client_id: str,
        token_endpoint: str | None = None,
        method: Literal["bearer", "oauth2"] = "bearer",
        renew_before: int | None = None,
        endpoint_fingerprint: pulumi.Input[str],
        native: NativeAccess | None = None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare the client's settings, then the token."""
        super().__init__("kzero-scim:components:RemoteAccess", name, None, opts)
        self.attributes: kzero.ScimAttributes | None = None
        triggers, before = {"endpoint": endpoint_fingerprint}, list[pulumi.Resource]()
        if native is not None:
            client = kzero.ScimApiClient(
                name,
                realm=tenant,
                client_id=client_id,
                audience=tenant_url,
                access_token_lifespan=native.token_lifespan,
                opts=pulumi.ResourceOptions(parent=self),
            )
            triggers["client"] = client.fingerprint
            before.append(client)
            if native.attributes:
                self.attributes = kzero.ScimAttributes(
                    name, realm=tenant, attributes=dict(native.attributes), opts=pulumi.ResourceOptions(parent=self)
                )
                before.append(self.attributes)
        self.token = kzero.RemoteToken(
            name,
            realm=tenant,
            tenant_url=tenant_url,
            client_id=client_id,
            token_endpoint=token_endpoint,
            method=method,
            renew_before=renew_before,
            triggers=triggers,
            opts=pulumi.ResourceOptions(parent=self, depends_on=before),
        )
        self.secret_token = self.oauth2 = None
        if method == "oauth2":
            self.oauth2 = {
                "client_id": self.token.client_id,
                "token_endpoint": self.token.token_endpoint,
                "secret_fingerprint": self.token.secret_fingerprint,
            }
        else:
            self.secret_token = self.token.access_token.apply(_known)
        self.register_outputs({"expiresAt": self.token.expires_at})


def _known(token: str | None) -> str:
    return token or ""
