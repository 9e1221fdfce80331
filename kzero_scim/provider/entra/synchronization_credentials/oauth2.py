"""Entra's keys for OAuth 2.0 client credentials, with which Entra fetches the endpoint's tokens itself. Experimental.

Microsoft documents the names of the keys (synchronizationSecret), but not which of them an application outside the
gallery needs. A third party measured this set on 2026-07-31 (github.com/pranems/SCIMServer,
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
"""All keys. They include a first token, because Entra does not fetch one for secrets that were set through Graph."""

EXPERIMENTAL: Final = (
    "remoteTokenMethod oauth2 is experimental: Microsoft does not document it for applications outside the gallery. "
    "Only a third party has measured, in July 2026, that Entra renews the token. Watch the first two cycles with "
    "`kzero-scim check`, and set remoteTokenMethod to bearer if they fail with 401"
)


@dataclass(frozen=True, kw_only=True)
class OAuth2Client:
    """The client with which Entra signs in. Its secret is the provider's remoteTokenClientSecret."""

    schema_module: ClassVar[str] = "entra"

    client_id: str = prop("Client ID.")
    token_endpoint: str = prop("Address from which Entra fetches tokens.")
    secret_fingerprint: str = prop("Hash of the client's secret. A changed hash writes the secret again.")


async def oauth2_values(services: Services, client: OAuth2Client) -> dict[str, str]:
    """Return the keys with their values, including a new token for Entra to start with.

    Raises:
        ProviderError: The client's secret is not configured.
        TokenError: The token endpoint issued no token.
    """
    secret = services.config.remote_token_client_secret
    if not secret:
        message = (
            f'the secret of client "{client.client_id}" is not configured; set remoteTokenClientSecret '
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
    """Return a hash of the client, its token endpoint and its secret; None without a client."""
    if client is None:
        return None
    settled = json.dumps([client.client_id, client.token_endpoint, client.secret_fingerprint])
    return hashlib.sha256(settled.encode()).hexdigest()
