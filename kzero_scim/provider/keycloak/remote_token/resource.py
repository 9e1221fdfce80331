"""``kzero:keycloak:RemoteToken``: obtains a token of the realm for Entra, and tests it at the SCIM endpoint.

KZero's dashboard calls this Use Remote Token Authentication (profile Generic). It uses OAuth 2.0 client credentials at
the realm's token endpoint. https://desk.kzero.com/portal/en/kb/articles/scim-integration-basics
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal
from urllib.parse import urlsplit

from kzero_scim.errors import ProviderError
from kzero_scim.provider.keycloak.remote_token.facts import FACTS
from kzero_scim.provider.keycloak.remote_token.token_life import WEEK, is_due, refusal, too_short, warning
from kzero_scim.resource.facts import Facts
from kzero_scim.resource.fingerprints import token_fingerprint
from kzero_scim.resource.formats import realm_address
from kzero_scim.resource.model import (
    UNKNOWN,
    Call,
    Change,
    Created,
    Failure,
    Found,
    Resource,
    compare,
    inputs_of,
    is_known,
    prop,
    replacing,
)
from kzero_scim.resource.reading import Absent, Unknown, observed

if TYPE_CHECKING:
    from kzero_scim.clients.token_endpoint import AccessToken
    from kzero_scim.provider.services import Services

Method = Literal["bearer", "oauth2"]
_NO_CLIENT: Final = (
    "is not configured; set remoteTokenClientId and remoteTokenClientSecret (KZERO_REMOTE_TOKEN_CLIENT_ID, "
    "KZERO_REMOTE_TOKEN_CLIENT_SECRET) to the client that KZero's dashboard shows for remote token authentication"
)


@dataclass(frozen=True, kw_only=True)
class RemoteTokenInputs:
    """The client, its token endpoint, and how Entra uses the token."""

    realm: str = prop("Name of the KZero tenant (realm), case-sensitive.", replace=True)
    tenant_url: str = prop("SCIM endpoint at which to test the token.")
    client_id: str | None = prop(
        "Client ID; by default the provider's remoteTokenClientId. The secret is only in the provider's configuration.",
        default=None,
    )
    token_endpoint: str | None = prop(
        "Address that issues tokens; by default <server>/realms/<realm>/protocol/openid-connect/token.", default=None
    )
    method: Method = prop(
        "`bearer`: Entra gets the token; `oauth2`: Entra gets the client and fetches tokens itself (experimental).",
        default="bearer",
    )
    renew_before: int = prop(
        "For method bearer: seconds before the expiry at which to replace a token. A token with a lifespan below this "
        "is replaced in the second half of its life.",
        default=WEEK,
    )
    triggers: dict[str, str] = prop("A changed value obtains and tests a new token.", default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class RemoteTokenState(RemoteTokenInputs):
    """The last token that was tested."""

    access_token: str | None = prop("For method bearer: the token.", default=None, secret=True)
    issued_at: str = prop("Time of issue, in ISO 8601.")
    expires_at: str | None = prop("Time of expiry, in ISO 8601, if known.", default=None)
    lifespan: int | None = prop("Seconds from issue to expiry.", default=None)
    secret_fingerprint: str = prop("Salted hash (scrypt) of the client's secret.")


class RemoteToken(Resource[RemoteTokenInputs, RemoteTokenState]):
    """A token of the tenant's realm that the SCIM endpoint accepts.

    A refresh asks no service. With method bearer, a token that is about to expire is a difference, so `pulumi up`
    replaces it. The client's secret comes from the provider's configuration and is not stored.

    Args:
        services: The clients.
        now: Returns the time.
    """

    token: ClassVar[str] = "kzero:keycloak:RemoteToken"  # noqa: S105 - a type token
    facts: ClassVar[Facts] = FACTS
    inputs = RemoteTokenInputs
    state = RemoteTokenState

    def __init__(self, services: Services, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        """Store the clients."""
        self._services = services
        self._now = now

    async def check(
        self,
        call: Call,  # noqa: ARG002
        new: RemoteTokenInputs,
        old: RemoteTokenInputs | None,  # noqa: ARG002
    ) -> tuple[RemoteTokenInputs, list[Failure]]:
        """Add the default client and token endpoint. Refuse an endpoint that would get the secret unencrypted."""
        failures: list[Failure] = []
        config = self._services.config
        if is_known(new.client_id) and not new.client_id:
            new = replace(new, client_id=config.remote_token_client_id)
        if is_known(new.client_id) and not new.client_id:
            failures.append(Failure("clientId", _NO_CLIENT))
        elif not config.remote_token_client_secret:
            named = f'"{new.client_id}" ' if is_known(new.client_id) else ""
            reason = "has no secret; set remoteTokenClientSecret (KZERO_REMOTE_TOKEN_CLIENT_SECRET)"
            failures.append(Failure("clientId", f"{named}{reason}"))
        if is_known(new.token_endpoint) and not new.token_endpoint:
            known = is_known(new.realm)
            default: Any = token_endpoint(config.server_url or "", new.realm) if known else UNKNOWN
            new = replace(new, token_endpoint=default)
        if is_known(new.token_endpoint) and not is_token_endpoint(new.token_endpoint or ""):
            reason = f'"{new.token_endpoint}" must be an https address, because the client\'s secret is sent there'
            failures.append(Failure("tokenEndpoint", reason))
        if new.renew_before is not UNKNOWN and new.renew_before < 0:
            failures.append(Failure("renewBefore", "must be 0 or more seconds"))
        return new, failures

    async def diff(
        self,
        call: Call,  # noqa: ARG002
        id: str,  # noqa: A002, ARG002
        old: RemoteTokenState,
        new: RemoteTokenInputs,
    ) -> list[Change]:
        """Compare the inputs, the secret's fingerprint, and the token's expiry with the time. Asks no service."""
        changes = [replacing(change) for change in compare(old.realm, new.realm, "realm")]
        changes += compare(old.tenant_url, new.tenant_url, "tenantUrl")
        changes += compare(old.client_id, new.client_id, "clientId")
        changes += compare(old.token_endpoint, new.token_endpoint, "tokenEndpoint")
        changes += compare(old.method, new.method, "method")
        changes += compare(old.renew_before, new.renew_before, "renewBefore")
        changes += [Change("triggers")] if new.triggers is UNKNOWN else compare(old.triggers, new.triggers, "triggers")
        if not changes and await self._fingerprint(new) not in {None, old.secret_fingerprint}:
            changes.append(Change("secretFingerprint"))
        if not changes and self._is_due(old, new):
            changes.append(Change("expiresAt"))
        return changes

    async def plan(self, call: Call, new: RemoteTokenInputs, old: RemoteTokenState | None) -> RemoteTokenState:
        """Obtain a token, so that a wrong client or secret fails the preview. Log when a token would be replaced.

        Raises:
            TokenError: The token endpoint issued no token.
            ProviderError: The token would expire before Entra's next cycle.
        """
        fingerprint = await self._fingerprint(new)
        if old is not None and not await self._needs_a_token(old, new):
            return replace(old, **inputs_of(RemoteTokenInputs, new))
        if is_known([new.client_id, new.token_endpoint, new.method]):
            if old is not None and self._is_due(old, new):
                note = (
                    f'the bearer token that Entra sends as client "{new.client_id}" expires at {old.expires_at}; '
                    "`pulumi up` would replace it and test the connection with the new token"
                )
                await call.log.info(note)
            await self._obtain(call, new, is_final=is_known(new))
        return RemoteTokenState(
            **inputs_of(RemoteTokenInputs, new),
            access_token=UNKNOWN if new.method != "oauth2" else None,
            issued_at=UNKNOWN,
            expires_at=UNKNOWN,
            lifespan=UNKNOWN,
            secret_fingerprint=fingerprint or UNKNOWN,
        )

    async def create(self, call: Call, new: RemoteTokenInputs) -> Created[RemoteTokenState]:
        """Obtain a token and ask the endpoint for a user that does not exist, as Entra's connection test does.

        Raises:
            TokenError: The token endpoint issued no token.
            ScimError: The SCIM endpoint does not accept the token.
            ProviderError: The token would expire before Entra's next cycle.
        """
        return Created(f"{new.realm}/{new.client_id}", await self._tried(call, new))

    @observed
    async def read(
        self,
        call: Call,
        id: str,  # noqa: A002
        old: RemoteTokenState | None,
    ) -> Found[RemoteTokenInputs, RemoteTokenState] | Absent | Unknown:
        """Return the last tested token without a request. An import obtains one.

        Raises:
            ProviderError: The ID names another client than the configured one.
        """
        if old is None:
            realm, _, client_id = id.partition("/")
            inputs = RemoteTokenInputs(realm=realm, tenant_url=self._services.keycloak.tenant_url(realm))
            inputs, failures = await self.check(call, inputs, None)
            if failures or inputs.client_id != client_id:
                reason = failures[0].reason if failures else f'client "{inputs.client_id}" is configured'
                message = f'cannot import "{id}", which must be <realm>/<client>: {reason}'
                raise ProviderError(message)
            old = await self._tried(call, inputs)
        return Found(id, RemoteTokenInputs(**inputs_of(RemoteTokenInputs, old)), old)

    async def update(
        self,
        call: Call,
        id: str,  # noqa: A002, ARG002
        old: RemoteTokenState,
        new: RemoteTokenInputs,
    ) -> RemoteTokenState:
        """Obtain and test a token, as :meth:`create` does, unless only ``renewBefore`` has changed."""
        if not await self._needs_a_token(old, new):
            return replace(old, **inputs_of(RemoteTokenInputs, new))
        return await self._tried(call, new)

    async def delete(self, call: Call, id: str, old: RemoteTokenState) -> None:  # noqa: A002
        """Do nothing: a token expires by itself."""

    async def _tried(self, call: Call, new: RemoteTokenInputs) -> RemoteTokenState:
        await call.log.status(f'obtaining a token as client "{new.client_id}"')
        obtained = await self._obtain(call, new)
        await call.log.status("testing the token at the SCIM endpoint")
        await self._services.scim.search_missing_user(new.tenant_url, obtained.value)
        return RemoteTokenState(
            **inputs_of(RemoteTokenInputs, new),
            access_token=obtained.value if new.method == "bearer" else None,
            issued_at=_iso(obtained.issued_at),
            expires_at=_iso(obtained.expires_at) if obtained.expires_at else None,
            lifespan=obtained.lifespan,
            secret_fingerprint=await self._fingerprint(new) or "",
        )

    async def _obtain(self, call: Call, new: RemoteTokenInputs, *, is_final: bool = True) -> AccessToken:
        """Return a token. Checks its lifespan, unless the client will be changed before the token is used."""
        secret = self._services.config.remote_token_client_secret
        if not secret or not new.client_id or not new.token_endpoint:
            message = f"the client for remote token authentication {_NO_CLIENT}"
            raise ProviderError(message)
        obtained = await self._services.tokens.obtain(new.token_endpoint, new.client_id, secret)
        if new.method == "bearer" and is_final:
            lifespan = obtained.lifespan
            if too_short(lifespan):
                raise ProviderError(refusal(new.client_id, lifespan))
            if lifespan is not None and lifespan < new.renew_before:
                await call.log.warning(warning(new.client_id, lifespan))
        return obtained

    def _is_due(self, old: RemoteTokenState, new: RemoteTokenInputs) -> bool:
        if new.method != "bearer" or not old.expires_at or new.renew_before is UNKNOWN:
            return False
        expires_at = datetime.fromisoformat(old.expires_at)
        return is_due(expires_at, old.lifespan or 0, new.renew_before, self._now())

    async def _needs_a_token(self, old: RemoteTokenState, new: RemoteTokenInputs) -> bool:
        before = replace(RemoteTokenInputs(**inputs_of(RemoteTokenInputs, old)), renew_before=new.renew_before)
        if compare(before, new):
            return True
        return self._is_due(old, new) or await self._fingerprint(new) != old.secret_fingerprint

    async def _fingerprint(self, new: RemoteTokenInputs) -> str | None:
        """Return a hash of the secret, or None without a secret or while its client is unknown."""
        secret = self._services.config.remote_token_client_secret
        if not secret or not is_known([new.client_id, new.token_endpoint]):
            return None
        # In a thread, because the hash takes 50 ms by design.
        return await asyncio.to_thread(token_fingerprint, f"{new.client_id} {new.token_endpoint}", secret)


def token_endpoint(server_url: str, realm: str) -> str:
    """Return Keycloak's token endpoint of a realm."""
    return f"{realm_address(server_url, realm)}/protocol/openid-connect/token"


def is_token_endpoint(address: str) -> bool:
    """Return whether a client's secret may be sent to an address: https, a host, no user name and no fragment."""
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return False
    return parts.scheme == "https" and bool(host) and not (parts.username or parts.password or parts.fragment)


def _iso(moment: datetime) -> str:
    return moment.isoformat(timespec="seconds")
