"""Check the bearer token of a SCIM request according to the tenant's profile.

Profile Azure: Entra must have issued the token for the configured tenant. Profile Generic: the realm must have issued
it to the client `scim-endpoint`. Both also accept the tenant's fixed tokens, which Entra calls secret tokens; a tenant
can have several, so that one can replace another. Must not know SCIM requests or Keycloak's admin API.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

import httpx
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

ENTRA_SCIM_AUDIENCE = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
"""The audience of the token that Entra issues itself for any application that is not from the gallery."""

_LEEWAY_SECONDS = 30


class TokenRefusedError(Exception):
    """A request's token is missing or invalid; the message is for `WWW-Authenticate` and contains no token."""


def token_digest(token: str) -> str:
    """Return the digest that is stored of a fixed token."""
    return hashlib.sha256(token.encode()).hexdigest()


def is_fixed_token(authorization: str | None, digests: Collection[str]) -> bool:
    """Return whether an Authorization header contains one of the tenant's fixed tokens."""
    scheme, _, token = (authorization or "").partition(" ")
    return scheme.lower() == "bearer" and token_digest(token.strip()) in digests


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What a token must contain."""

    issuer: str
    keys_url: str
    audience: str | None = None
    client_id: str | None = None


class TokenVerifier:
    """Verifies signatures with the issuers' published keys, which are fetched again when a key is unknown.

    Args:
        http: Fetches the keys; must trust the sandbox's authority.
    """

    def __init__(self, http: httpx.AsyncClient) -> None:
        """Start without keys."""
        self._http = http
        self._keys: dict[str, KeySet] = {}

    async def verify(self, authorization: str | None, expected: Expected) -> dict[str, Any]:
        """Return the claims of the token in an Authorization header.

        Raises:
            TokenRefusedError: The token is missing, malformed, expired, or from another issuer.
        """
        scheme, _, token = (authorization or "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            reason = "bearer token required"
            raise TokenRefusedError(reason)
        claims = await self._claims(token.strip(), expected.keys_url)
        registry = jwt.JWTClaimsRegistry(
            leeway=_LEEWAY_SECONDS,
            iss={"essential": True, "value": expected.issuer},
            exp={"essential": True},
            aud={"essential": True, "value": expected.audience} if expected.audience else {},
        )
        try:
            registry.validate(claims)
        except JoseError as error:
            reason = f"{error.error}: {error.description or 'claims refused'}"
            raise TokenRefusedError(reason) from None
        if expected.client_id is not None and expected.client_id not in {claims.get("azp"), claims.get("client_id")}:
            reason = f"the token was not issued to client {expected.client_id}"
            raise TokenRefusedError(reason)
        return claims

    async def _claims(self, token: str, keys_url: str) -> dict[str, Any]:
        for refreshed in (False, True):
            try:
                return jwt.decode(token, await self._key_set(keys_url, refresh=refreshed), algorithms=["RS256"]).claims
            except (JoseError, ValueError):
                if refreshed:
                    reason = "the token's signature is not the issuer's"
                    raise TokenRefusedError(reason) from None
        raise AssertionError

    async def _key_set(self, url: str, *, refresh: bool) -> KeySet:
        if refresh or url not in self._keys:
            try:
                response = await self._http.get(url)
            except httpx.TransportError:
                reason = f"the issuer's keys at {url} cannot be reached"
                raise TokenRefusedError(reason) from None
            if response.is_error:
                reason = f"the issuer's keys at {url} answered {response.status_code}"
                raise TokenRefusedError(reason)
            self._keys[url] = KeySet.import_key_set(response.json())
        return self._keys[url]
