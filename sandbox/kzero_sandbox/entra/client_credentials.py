"""Access tokens that the provisioning service fetches itself, with OAuth 2.0 client credentials among a job's secrets.

Microsoft documents only the names of the keys. A third party measured (github.com/pranems/SCIMServer,
docs/AUTHENTICATION_GUIDE.md, 7.3) that the service does not make the first exchange for secrets set through Graph, and
that it renews a token according to its creation time. Must not know SCIM resources.
"""

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta

import httpx

from .scim_client import ScimError

CLIENT_ID = "Oauth2ClientId"
CLIENT_SECRET = "Oauth2ClientSecret"
EXCHANGE = "Oauth2TokenExchangeUri"
ACCESS_TOKEN = "Oauth2AccessToken"
CREATED = "Oauth2AccessTokenCreationTime"

_REFUSED = "SystemForCrossDomainIdentityManagementInvalidCredentials"
_MARGIN = timedelta(seconds=60)


def uses_client_credentials(secrets: dict[str, str]) -> bool:
    """Return whether a job signs in to its target as an OAuth 2.0 client; a secret token takes precedence."""
    return not secrets.get("SecretToken") and bool(secrets.get(EXCHANGE) or secrets.get(CLIENT_ID))


class ClientCredentials:
    """The access token of one job's secrets, renewed before it expires.

    Args:
        http: The HTTP client; the caller closes it.
        secrets: The job's secrets; a renewed token is stored in them.
    """

    def __init__(self, http: httpx.AsyncClient, secrets: dict[str, str]) -> None:
        """Keep the HTTP client and the secrets."""
        self._http = http
        self._secrets = secrets
        self._exchanging = asyncio.Lock()

    async def token(self, *, refused: str | None = None) -> str:
        """Return the token for the next request.

        Args:
            refused: A token that the target has just refused, to fetch another one.

        Raises:
            ScimError: The credentials are incomplete, or the token endpoint refused or did not answer.
        """
        missing = [
            key for key in (CLIENT_ID, CLIENT_SECRET, EXCHANGE, ACCESS_TOKEN, CREATED) if key not in self._secrets
        ]
        if missing:
            message = f"Unauthorized (401): the OAuth client credentials are incomplete: {', '.join(missing)}."
            raise ScimError(_REFUSED, message, 401)
        async with self._exchanging:
            held = self._secrets[ACCESS_TOKEN]
            if held != refused and not _is_over(held, self._secrets[CREATED]):
                return held
            return await self._exchange()

    async def _exchange(self) -> str:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._secrets[CLIENT_ID],
            "client_secret": self._secrets[CLIENT_SECRET],
        }
        try:
            answer = await self._http.post(self._secrets[EXCHANGE], data=form)
            token = answer.json().get("access_token") if answer.is_success else None
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, AttributeError) as error:
            message = f"The token exchange got no answer: {type(error).__name__}."
            raise ScimError(_REFUSED, message) from error
        if not isinstance(token, str):
            message = f"The token exchange was answered {answer.reason_phrase} ({answer.status_code})."
            raise ScimError(_REFUSED, message, 401)
        self._secrets[ACCESS_TOKEN] = token
        self._secrets[CREATED] = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return token


def _is_over(token: str, created: str) -> bool:
    """Return whether a token has expired: its creation time plus the lifetime in its claims is over."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        life = timedelta(seconds=claims["exp"] - claims["iat"])
        began = datetime.fromisoformat(created)
    except (IndexError, KeyError, TypeError, ValueError):
        return True
    if began.tzinfo is None:
        began = began.replace(tzinfo=UTC)
    return datetime.now(UTC) >= began + life - min(_MARGIN, life / 2)
