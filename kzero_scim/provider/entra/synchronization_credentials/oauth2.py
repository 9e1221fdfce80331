"""Entra's keys for OAuth 2.0 client credentials: Entra fetches the endpoint's tokens itself. Experimental.

Microsoft documents the names of the keys (synchronizationSecret), not which of them an application outside the gallery
needs. The set here is what a third party measured on 2026-07-31 (github.com/pranems/SCIMServer,
docs/AUTHENTICATION_GUIDE.md, 7.3).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Final

from kzero_scim.errors import ProviderError
from kzero_scim.resource.model import prop

if TYPE_CHECKING:
    from kzero_scim.provider.services import Services

CLIENT_ID: Final = "Oauth2ClientId"
CLIENT_SECRET: Final = "Oauth2ClientSecret"  # noqa: S105 - a key's name
EXCHANGE: Final = "Oauth2TokenExchangeUri"
ACCESS_TOKEN: Final = "Oauth2AccessToken"  # noqa: S105 - a key's name
CREATED: Final = "Oauth2AccessTokenCreationTime"
OAUTH2_KEYS: Final = (CLIENT_ID, CLIENT_SECRET, EXCHANGE, ACCESS_TOKEN, CREATED)
"""All of them: Entra does not make the first exchange for secrets that were set through Graph, so it is seeded."""

EXPERIMENTAL: Final = (
    "remoteTokenMethod oauth2 is experimental: Microsoft does not document client credentials for applications outside "
    "the gallery by Graph; the keys, and that Entra renews the token by them, are as a third party measured it in July "
    "2026. Watch the first two cycles (`kzero-scim check`), and set remoteTokenMethod to bearer if they fail with 401"
)


@dataclass(frozen=True, kw_only=True)
class OAuth2Client:
    """The client that Entra signs in as; its secret is the provider's remoteTokenClientSecret."""

    schema_module: ClassVar[str] = "entra"

    client_id: str = prop("The client.")
    token_endpoint: str = prop("Where Entra fetches tokens.")
    secret_fingerprint: str = prop("Changes with the client's secret, which is then written anew.")


async def oauth2_values(services: Services, client: OAuth2Client) -> dict[str, str]:
    """Give the keys with their values, the token that Entra begins with among them, fresh.

    Raises:
        ProviderError: The client's secret is not configured.
        TokenError: There is no token to be had.
    """
    secret = services.config.remote_token_client_secret
    if not secret:
        message = (
            f'the secret of client "{client.client_id}" is not known: set remoteTokenClientSecret '
            "(KZERO_REMOTE_TOKEN_CLIENT_SECRET)"
        )
        raise ProviderError(message)
    token = await services.tokens.obtain(client.token_endpoint, client.client_id, secret)
    return {
        CLIENT_ID: client.client_id,
        CLIENT_SECRET: secret,
        EXCHANGE: client.token_endpoint,
        ACCESS_TOKEN: token.value,
        CREATED: token.issued_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }


def client_fingerprint(client: OAuth2Client | None) -> str | None:
    """Give something that changes with the client, its token endpoint and its secret."""
    if client is None:
        return None
    settled = json.dumps([client.client_id, client.token_endpoint, client.secret_fingerprint])
    return hashlib.sha256(settled.encode()).hexdigest()
