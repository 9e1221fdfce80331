"""Signing keys and tokens of the local Entra: access tokens for Graph, provisioning tokens, workload identity tokens.

Follows learn.microsoft.com/entra/identity-platform/access-token-claims-reference.
"""

import time
import uuid
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, RSAKey

LIFETIME_SECONDS = 3599
PROVISIONING_AUDIENCE = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"
"""Audience of the token that Entra issues to itself where no secret token is configured: the application template."""
WORKLOAD_AUDIENCE = "api://AzureADTokenExchange"


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Who an access token for Graph was issued to."""

    app_id: str
    object_id: str
    roles: frozenset[str]
    user: str | None = None
    """User principal name of the person who is signed in, if one is."""


class TokenRefusedError(Exception):
    """A token that is malformed, not ours, for somebody else, or expired."""


class TokenIssuer:
    """Issues and verifies RS256 tokens of one tenant; keys live as long as this object."""

    def __init__(self, tenant_id: str, base_url: str, *, keys: tuple[RSAKey, RSAKey] | None = None) -> None:
        """Make new signing keys.

        Args:
            tenant_id: the tenant that issues.
            base_url: origin of the local Entra, which is also the audience of its Graph.
            keys: those of another tenant, since all of Entra's tenants share theirs.
        """
        self.tenant_id = tenant_id
        self.base_url = base_url
        self.issuer = f"https://sts.windows.net/{tenant_id}/"
        self.workload_issuer = f"{base_url}/sandbox/oidc"
        self._key, self._workload_key = keys or (_new_key(), _new_key())
        self._verified: dict[str, tuple[float, Caller]] = {}

    @property
    def keys(self) -> tuple[RSAKey, RSAKey]:
        """The signing keys of the tenant and of the workload identity issuer."""
        return self._key, self._workload_key

    def jwks(self) -> dict[str, Any]:
        """Return the public keys of the tenant, as `/discovery/v2.0/keys` publishes them."""
        return _public(self._key, self.issuer)

    def workload_jwks(self) -> dict[str, Any]:
        """Return the public keys of the sandbox's own workload identity issuer."""
        return _public(self._workload_key, self.workload_issuer)

    def access_token(self, caller: Caller, *, lifetime: int = LIFETIME_SECONDS) -> str:
        """Issue an access token for Graph with the roles that the client has been granted."""
        return self._sign(
            {
                "aud": self.base_url,
                "iss": self.issuer,
                "appid": caller.app_id,
                "appidacr": "1",
                "idp": self.issuer,
                "idtyp": "app",
                "oid": caller.object_id,
                **({"upn": caller.user} if caller.user else {}),
                "roles": sorted(caller.roles),
                "sub": caller.object_id,
                "ver": "1.0",
            },
            lifetime,
        )

    def provisioning_token(self, *, lifetime: int = LIFETIME_SECONDS) -> str:
        """Issue the token that the provisioning service presents where no secret token is configured."""
        return self._sign(
            {"aud": PROVISIONING_AUDIENCE, "iss": self.issuer, "idp": self.issuer, "idtyp": "app", "ver": "1.0"},
            lifetime,
        )

    def workload_token(
        self, subject: str, *, audience: str = WORKLOAD_AUDIENCE, lifetime: int = 600, issuer: str | None = None
    ) -> str:
        """Issue a token as a CI system does for a job: what a federated credential exchanges.

        Args:
            subject: Whose job it is.
            audience: For whom it is.
            lifetime: In seconds.
            issuer: The CI system that is played; by default the sandbox's own issuer.
        """
        moment = int(time.time())
        claims = {
            "iss": issuer or self.workload_issuer,
            "sub": subject,
            "aud": audience,
            "iat": moment,
            "nbf": moment,
            "exp": moment + lifetime,
            "jti": str(uuid.uuid4()),
        }
        return jwt.encode(
            {"alg": "RS256", "typ": "JWT", "kid": str(self._workload_key.kid)}, claims, self._workload_key
        )

    def verify_access_token(self, token: str) -> Caller:
        """Return who an access token for Graph was issued to.

        Raises:
            TokenRefusedError: with the reason.
        """
        known = self._verified.get(token)
        if known and known[0] > time.time():
            return known[1]
        claims = _verify(token, self._key, issuer=self.issuer, audience=self.base_url)
        roles = frozenset(claims["roles"])
        caller = Caller(app_id=claims["appid"], object_id=claims["oid"], roles=roles, user=claims.get("upn"))
        self._verified[token] = (float(claims["exp"]), caller)
        return caller

    def verify_workload_token(self, token: str) -> str:
        """Return the subject of a workload identity token.

        Raises:
            TokenRefusedError: with the reason.
        """
        claims = _verify(token, self._workload_key, issuer=self.workload_issuer, audience=WORKLOAD_AUDIENCE)
        return str(claims["sub"])

    def workload_claims(self, token: str) -> dict[str, Any]:
        """Return the claims of a workload identity token, of whichever issuer it says to be.

        Raises:
            TokenRefusedError: it is not signed by an issuer that the sandbox plays, or over.
        """
        try:
            decoded = jwt.decode(token, KeySet([self._workload_key]), algorithms=["RS256"])
            jwt.JWTClaimsRegistry(exp={"essential": True}).validate(decoded.claims)
        except (JoseError, ValueError) as error:
            raise TokenRefusedError(str(error)) from error
        return decoded.claims

    def _sign(self, claims: dict[str, Any], lifetime: int) -> str:
        moment = int(time.time())
        stamped = {
            **claims,
            "tid": self.tenant_id,
            "iat": moment,
            "nbf": moment,
            "exp": moment + lifetime,
            "uti": uuid.uuid4().hex,
        }
        return jwt.encode({"alg": "RS256", "typ": "JWT", "kid": str(self._key.kid)}, stamped, self._key)


def _new_key() -> RSAKey:
    return RSAKey.generate_key(2048, {"use": "sig", "kid": uuid.uuid4().hex})


def _public(key: RSAKey, issuer: str) -> dict[str, Any]:
    published: dict[str, Any] = dict(key.as_dict(private=False))
    published.update({"use": "sig", "alg": "RS256", "x5t": key.kid, "issuer": issuer})
    return {"keys": [published]}


def _verify(token: str, key: RSAKey, *, issuer: str, audience: str) -> dict[str, Any]:
    try:
        decoded = jwt.decode(token, KeySet([key]), algorithms=["RS256"])
        jwt.JWTClaimsRegistry(
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
        ).validate(decoded.claims)
    except (JoseError, ValueError) as error:
        raise TokenRefusedError(str(error)) from error
    return decoded.claims
