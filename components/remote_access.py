"""How Entra gets in with the profile Generic: a token of the realm, obtained and tried before Entra is given it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import pulumi

from kzero_scim import resources as kzero


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

    Attributes:
        token: The resource of the token.
        secret_token: What Entra sends; None with ``oauth2``.
        oauth2: What Entra fetches tokens with; None with ``bearer``.
    """

    secret_token: pulumi.Output[str] | None
    oauth2: Mapping[str, pulumi.Input[str]] | None

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
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """Declare the token."""
        super().__init__("kzero-scim:components:RemoteAccess", name, None, opts)
        self.token = kzero.RemoteToken(
            name,
            realm=tenant,
            tenant_url=tenant_url,
            client_id=client_id,
            token_endpoint=token_endpoint,
            method=method,
            renew_before=renew_before,
            triggers={"endpoint": endpoint_fingerprint},
            opts=pulumi.ResourceOptions(parent=self),
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
