"""The signing keys and tokens of the local Entra: for Graph, for provisioning, and for workload identities.

Follows learn.microsoft.com/entra/identity-platform/access-token-claims-reference. Must not know HTTP or the directory.
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
"""The audience of the token that Entra issues itself if no secret token is configured: the template's id."""
WORKLOAD_AUDIENCE = "api://AzureADTokenExchange"


@dataclass(frozen=True, kw_only=True)
class Caller:
    """The application, or user, that an access token for Graph was issued to."""

    app_id: str
    object_id: str
    roles: frozenset[str]
    user: str | None = None
    """The user principal name of the signed-in user, if any."""


class TokenRefusedError(Exception):
    """The token is malformed, signed by another issuer, for another audience, or expired."""


class TokenIssuer:
    """Issues and verifies RS256 tokens of one tenant; the keys exist as long as this object."""

    def __init__(self, tenant_id: str, base_url: str, *, keys: tuple[RSAKey, RSAKey] | None = None) -> None:
        """Create new signing keys.

        Args:
            tenant_id: The tenant that issues the tokens.
            base_url: The origin of the local Entra, which is also the audience of its Graph.
            keys: The keys of another tenant to use instead, because all of Entra's tenants share their keys.
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
        """Return an access token for Graph with the roles granted to the client."""
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
        """Return the token that the provisioning service sends if no secret token is configured."""
        return self._sign(
            {"aud": PROVISIONING_AUDIENCE, "iss": self.issuer, "idp": self.issuer, "idtyp": "app", "ver": "1.0"},
            lifetime,
        )

    def workload_token(
        self, subject: str, *, audience: str = WORKLOAD_AUDIENCE, lifetime: int = 600, issuer: str | None = None
    ) -> str:
        """Return a token as a CI system issues it to a job, for a federated credential.

        Args:
            subject: The subject that identifies the job.
            audience: The token's audience.
            lifetime: The lifetime in seconds.
            issuer: The CI system to imitate; by default the sandbox's own issuer.
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
        """Return the caller that an access token for Graph was issued to.

        Raises:
            TokenRefusedError: The token is invalid; the message says why.
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
            TokenRefusedError: The token is invalid; the message says why.
        """
        claims = _verify(token, self._workload_key, issuer=self.workload_issuer, audience=WORKLOAD_AUDIENCE)
        return str(claims["sub"])

    def workload_claims(self, token: str) -> dict[str, Any]:
        """Return the claims of a workload identity token of any issuer that the sandbox imitates.

        Raises:
            TokenRefusedError: The sandbox did not sign the token, or the token is expired.
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
