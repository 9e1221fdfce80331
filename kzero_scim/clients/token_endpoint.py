"""Requests tokens as Entra does, with OAuth 2.0 client credentials (RFC 6749 section 4.4). Knows no resource."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

import httpx

from kzero_scim.clients.answers import BEARER, read_object
from kzero_scim.clients.claims import claims_of
from kzero_scim.clients.retries import RetryingClient, RetryPolicy, is_momentary, root_cause, untrusted
from kzero_scim.clients.tls import ca_file
from kzero_scim.errors import TokenError
from kzero_scim.redaction import learn, shortened
from kzero_scim.settings.allowed_hosts import HostRule

TIMEOUT: Final = 15.0
"""Seconds."""
_LONGEST_REASON: Final = 200
_CREDENTIALS: Final = "remoteTokenClientId and remoteTokenClientSecret (KZERO_REMOTE_TOKEN_CLIENT_ID, ..._SECRET)"


@dataclass(frozen=True, kw_only=True)
class AccessToken:
    """A bearer token and its lifetime.

    Attributes:
        value: The token.
        issued_at: When it was issued.
        expires_at: When it expires; None if neither the token nor the answer says so.
        audiences: The token's audiences; empty if it has none.
    """

    value: str = field(repr=False)
    issued_at: datetime
    expires_at: datetime | None
    audiences: tuple[str, ...] = ()

    @property
    def lifespan(self) -> int | None:
        """Seconds from issue to expiry."""
        return None if self.expires_at is None else round((self.expires_at - self.issued_at).total_seconds())


class TokenEndpoint:
    """Requests access tokens. Follows no redirect, which could send credentials to another host.

    Args:
        http: Sends the requests; by default a client with a timeout of 15 s and two retries.
        now: The clock.
        transport: The default client's transport, in place of its own connections.
        hosts: Where secrets of the environment may go; None for any endpoint.
    """

    def __init__(
        self,
        http: httpx.AsyncClient | None = None,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        transport: httpx.AsyncBaseTransport | None = None,
        hosts: HostRule | None = None,
    ) -> None:
        """Open no connection yet."""
        self._http = http or RetryingClient(policy=RetryPolicy(delays=(0.3, 1.0)), timeout=TIMEOUT, transport=transport)
        self._now = now
        self._hosts = hosts

    async def obtain(self, address: str, client_id: str, client_secret: str) -> AccessToken:
        """Return an access token for a client's service account.

        Args:
            address: The token endpoint, ``https://host/realms/name/protocol/openid-connect/token``.
            client_id: The client.
            client_secret: Its secret.

        Raises:
            TokenError: The endpoint issued no token. The message names what to correct.
            SettingsError: Only the stack file names the endpoint, and it does not hold the secret.
        """
        if self._hosts is not None:
            self._hosts.require_token_endpoint(address)
        form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        doing = f'token endpoint {address} did not issue a token to client "{client_id}"'
        try:
            answer = await self._http.post(address, data=form, headers={"Accept": "application/json"})
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if refused := untrusted(error):
                store = ca_file() or "the default trust store"
                cause = f"its certificate is not trusted ({refused.verify_message}; checked against {store})"
            else:
                cause = f"it cannot be reached ({root_cause(error)}); check remoteTokenEndpoint and kzeroServerUrl"
            message = f"{doing}: {cause}"
            raise TokenError(message) from None  # the cause contains the request, which contains the secret
        document = read_object(answer.content) or {}
        if not answer.is_success:
            message = f"{doing}: {_refusal(answer, document, client_id)}"
            raise TokenError(
                message, status=answer.status_code, code=shortened(str(document.get("error") or ""), _LONGEST_REASON)
            )
        value = document.get("access_token")
        kind = str(document.get("token_type", "bearer")).casefold()
        if not isinstance(value, str) or not BEARER.fullmatch(value) or kind != "bearer":
            message = f"{doing}: its answer {answer.status_code} contains no bearer token; check remoteTokenEndpoint"
            raise TokenError(message, status=answer.status_code)
        learn(value)
        return self._described(value, document)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    def _described(self, value: str, answer: dict[str, Any]) -> AccessToken:
        claims = claims_of(value) or {}
        issued_at = _moment(claims.get("iat")) or self._now().replace(microsecond=0)
        expires_at = _moment(claims.get("exp"))
        if expires_at is None and isinstance(answer.get("expires_in"), int | float):
            expires_at = _moment(issued_at.timestamp() + answer["expires_in"])
        audience = claims.get("aud")
        audiences = [audience] if isinstance(audience, str) else audience if isinstance(audience, list) else []
        return AccessToken(
            value=value, issued_at=issued_at, expires_at=expires_at, audiences=tuple(map(str, audiences))
        )


def _moment(seconds: object) -> datetime | None:
    if not isinstance(seconds, int | float) or isinstance(seconds, bool):
        return None
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, OSError, ValueError):
        return None


def _refusal(answer: httpx.Response, document: dict[str, Any], client_id: str) -> str:
    """Return the endpoint's answer in words, and the remedy."""
    status = answer.status_code
    words = shortened(
        " ".join(str(document.get("error_description") or document.get("error") or "").split()), _LONGEST_REASON
    )
    said = f"it answered {status}" + (f", {words.rstrip('.')}" if words else "")
    if is_momentary(status):
        return f"{said}; it cannot answer now, try again later"
    if not document.get("error") and not answer.has_redirect_location:
        return f"{said} without an OAuth 2.0 error; check remoteTokenEndpoint and any proxy in between"
    if status == httpx.codes.NOT_FOUND:
        return f"{said}; check kzeroTenant (case-sensitive) and remoteTokenEndpoint"
    if answer.has_redirect_location:
        return f"{said}, a redirect, and credentials are not sent to another address; check remoteTokenEndpoint"
    if "service account" in words.lower() or "service account" in str(document.get("error", "")).lower():
        return (
            f'{said}; in the Capability config of client "{client_id}", switch on Client authentication and Service '
            "accounts roles"
        )
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.BAD_REQUEST}:
        return (
            f"{said}; the client does not exist there or is disabled, or its secret is wrong. Compare "
            f"{_CREDENTIALS} with the client's Credentials tab"
        )
    return said
