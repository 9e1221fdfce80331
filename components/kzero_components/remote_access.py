"""How Entra gets in with the profile Generic: a token of the realm, obtained and tried before Entra is given it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import pulumi

from kzero_scim import sdk as kzero


@dataclass(frozen=True, kw_only=True)
class NativeAccess:
    """What Keycloak's own SCIM API needs on Keycloak's side.

    Attributes:
        token_lifespan: Seconds that the client's tokens live; None leaves that alone.
        attributes: User attribute to SCIM attribute, what is kept besides the core attributes.
    """

    token_lifespan: int | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


class RemoteAccess(pulumi.ComponentResource):
    """A client of the tenant's realm as which Entra provisions.

    Args:
        name: The component's name.
        tenant: The KZero tenant's (realm's) name.
        tenant_url: The SCIM endpoint that the token is tried at.
        client_id: The client; its secret is the provider's.
        token_endpoint: Where tokens come from; None for the realm's own.
        method: ``bearer``: Entra is given a token; ``oauth2``: Entra is given the client (experimental).
        renew_before: For ``bearer``: seconds before its end at which a token is replaced.
        endpoint_fingerprint: Changes when the endpoint's own settings change; a token is tried again then.
        native: What Keycloak's own SCIM API needs besides; None for KZero's endpoint.

    Attributes:
        attributes: The resource of what Keycloak's own SCIM API keeps besides; None if there is nothing.
        token: The resource of the token.
        secret_token: What Entra sends; None with ``oauth2``.
        oauth2: What Entra fetches tokens with; None with ``bearer``.
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
        """Declare what the client needs, then the token."""
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
