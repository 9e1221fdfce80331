"""Signs in to a tenant's Keycloak and explains its errors in one line. Knows no operation of the admin API."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar, cast
from urllib.parse import unquote

import httpx
import keycloak.exceptions as keycloak_errors
from keycloak import KeycloakOpenIDConnection

from kzero_scim.clients.answers import BEARER, UnacceptableAnswerError, read_object
from kzero_scim.clients.claims import claims_of
from kzero_scim.clients.retries import USER_AGENT, is_momentary, root_cause, untrusted
from kzero_scim.clients.tls import ca_file, ssl_context
from kzero_scim.clients.trail import note
from kzero_scim.errors import NO_REALM, KeycloakError
from kzero_scim.redaction import learn, shortened

ResultT = TypeVar("ResultT")

LONGEST_CODE: Final = 100
"""The most characters of the server's error code to show."""
LONGEST_REASON: Final = 200
"""The most characters of the server's own message to show."""

_REFUSALS: Final = frozenset({400, 401, 403})
"""Statuses with which a token endpoint refuses an account (RFC 6749 section 5.2), with an error code in the body."""
_LOGIN_REMEDIES: Final = {
    "invalid_client": (
        "the client does not exist there or is disabled, or its secret is wrong. Copy the secret from the client's "
        "Credentials tab into kzeroClientSecret (KZERO_CLIENT_SECRET)"
    ),
    "service account": (
        "switch on Client authentication and Service accounts roles in the client's Capability config, or set "
        "kzeroClientId (KZERO_CLIENT_ID) to another client"
    ),
    "direct access": (
        "switch on Direct access grants in the client's Capability config, or sign in with a service-account client"
    ),
    "invalid_grant": (
        "the user name or password is wrong, or the account is disabled, locked or has a required action. Check "
        "kzeroUsername and kzeroPassword (KZERO_USERNAME, KZERO_PASSWORD)"
    ),
}


class Credentials:
    """The account to sign in with, and its realm. Not a dataclass, because its repr must not show secrets.

    Args:
        realm: The realm to sign in to; None for the realm of the operation.
        client_id: The client with the service account, or the client to sign a user in with.
        client_secret: Its secret.
        username: A user to sign in instead.
        password: That user's password.
    """

    def __init__(
        self,
        *,
        realm: str | None = None,
        client_id: str | None = None,
        client_secret: str | None = None,
        username: str | None = None,
        password: str | None = None,
    ) -> None:
        """Store the credentials."""
        self.realm = realm
        self.client_id = client_id
        self.client_secret = client_secret
        self.username = username
        self.password = password

    @property
    def complete(self) -> bool:
        """True if a client with its secret or a user with its password is set."""
        return bool((self.client_id and self.client_secret) or (self.username and self.password))

    @property
    def principal(self) -> str:
        """The account's name, for messages."""
        return f'user "{self.username}"' if self.username else f'client "{self.client_id}"'


class Session(KeycloakOpenIDConnection):
    """python-keycloak's connection, with one sign-in at a time and one shared ``httpx`` client.

    Resources run concurrently, and python-keycloak would sign in for each. This class replaces its two ``httpx``
    clients (for tokens and for the admin API) to reuse connections, use proxies, retry, and pass a TLS context: httpx
    deprecates the path that python-keycloak passes as ``verify``.

    Args:
        server_url: The server, without a trailing slash.
        realm: The realm of the operations, quoted for a URL.
        login_realm: The realm to sign in to, quoted for a URL.
        credentials: The account to sign in with.
        http: Sends all requests.
        timeout: Seconds.
    """

    def __init__(  # noqa: PLR0913 - each is independent
        self,
        *,
        server_url: str,
        realm: str,
        login_realm: str,
        credentials: Credentials,
        http: httpx.AsyncClient,
        timeout: int,
    ) -> None:
        """Open no connection yet."""
        super().__init__(
            server_url=f"{server_url}/",
            grant_type="password" if credentials.username else "client_credentials",
            username=credentials.username,
            password=credentials.password,
            realm_name=realm,
            user_realm_name=login_realm,
            client_id=credentials.client_id or "admin-cli",
            client_secret_key=credentials.client_secret,
            verify=cast("bool", ssl_context()),
            custom_headers={"User-Agent": USER_AGENT},
            timeout=timeout,
        )
        self.async_s = http
        self.keycloak_openid.connection.async_s = http
        self._credentials = credentials
        self._signing_in = asyncio.Lock()

    async def a__refresh_if_required(self) -> None:
        """Sign in if no token is stored or it has expired."""
        before = self.token
        if before is None or self._is_expired():
            await self._sign_in(before)

    async def a_refresh_token(self) -> None:
        """Sign in again after the server has refused the token. Called once per request."""
        await self._sign_in(self.token)

    def granted_roles(self, realm: str) -> frozenset[str] | None:
        """Return the admin roles in the token, or None if it does not say what roles the account has.

        Args:
            realm: The realm of the operations.
        """
        try:
            access = self._claims()["resource_access"]
            roles: set[str] = set()
            for client in ("realm-management", f"{realm}-realm"):
                roles |= set(access.get(client, {}).get("roles", ()))
        except (KeyError, TypeError, AttributeError):
            return None
        return frozenset(roles)

    def subject(self) -> str | None:
        """Return the account's user ID from the token, or None if the token does not contain it."""
        subject = self._claims().get("sub")
        return None if subject is None else str(subject)

    def _claims(self) -> dict[str, Any]:
        return claims_of((self.token or {}).get("access_token")) or {}

    def _is_expired(self) -> bool:
        expiry = self.expires_at
        return expiry is None or type(expiry).now(tz=expiry.tzinfo) >= expiry

    async def _sign_in(self, refused: dict[str, Any] | None) -> None:
        async with self._signing_in:
            if self.token is not refused:
                return  # another request signed in while this one waited
            try:
                await self.a_get_token()
                _require_token(self.token)
                learn([(self.token or {}).get(kind) for kind in ("access_token", "refresh_token", "id_token")])
            except (keycloak_errors.KeycloakOperationError, keycloak_errors.KeycloakAuthenticationError) as error:
                raise self._login_error(
                    error
                ) from None  # the cause holds the answer's body, which may contain the secret

    def _login_error(self, error: keycloak_errors.KeycloakError) -> KeycloakError:
        code, reason = server_words(error)
        status = error.response_code or 0
        if status == httpx.codes.NOT_FOUND and names_no_realm(error.response_body or b""):
            return KeycloakError(reason, status=status, code=NO_REALM)
        if not code or status not in _REFUSALS:
            return self._unanswered(status, reason if code else "")
        words = f"{code} {reason}".lower()
        if "direct access" in words:
            remedy = _LOGIN_REMEDIES["direct access"]
        elif "service account" in words:
            remedy = _LOGIN_REMEDIES["service account"]
        elif self._credentials.username and code == "invalid_grant":
            remedy = _LOGIN_REMEDIES["invalid_grant"]
        else:
            remedy = _LOGIN_REMEDIES["invalid_client"]
        realm = unquote(self.user_realm_name or "")
        message = (
            f'KZero refused to sign in {self._credentials.principal} to realm "{realm}" at '
            f"{(self.server_url or '').rstrip('/')}: {code}, {reason.rstrip('.')}; {remedy}"
        )
        return KeycloakError(message, status=error.response_code, code=code)

    def _unanswered(self, status: int, reason: str) -> KeycloakError:
        """Return the error for an answer that says nothing about the account."""
        said = f"{status}: {reason.rstrip('.')}" if reason else str(status)
        if is_momentary(status):
            remedy = "it cannot answer now; try again later"
        elif httpx.codes.is_redirect(status):
            remedy = "credentials are not sent to another address; check kzeroServerUrl (KZERO_SERVER_URL)"
        else:
            remedy = "the answer is not from Keycloak; check kzeroServerUrl (KZERO_SERVER_URL) and any proxy in between"
        message = (
            f'cannot sign in {self._credentials.principal} to realm "{unquote(self.user_realm_name or "")}": '
            f"{(self.server_url or '').rstrip('/')} answered {said}; {remedy}"
        )
        return KeycloakError(message, status=status or None)


def _require_token(answer: object) -> None:
    """Check that an answer contains a bearer token. httpx quotes an invalid header in its error.

    Raises:
        TypeError: It contains none.
    """
    token = answer.get("access_token") if isinstance(answer, dict) else None
    if not isinstance(token, str) or not BEARER.fullmatch(token):
        message = "no bearer token"
        raise TypeError(message)


def names_no_realm(body: bytes) -> bool:
    """Return whether the body of a 404 is Keycloak's for a realm that does not exist, not that of a proxy."""
    return "realm" in str((read_object(body) or {}).get("error") or "").lower()


def server_words(error: keycloak_errors.KeycloakError) -> tuple[str, str]:
    """Return Keycloak's code and explanation from an error's body, and nothing else of the body."""
    body = read_object(error.response_body or b"")
    if body is None:
        return "", "no explanation"
    code = shortened(str(body.get("error") or ""), LONGEST_CODE)
    reason = str(
        body.get("error_description") or body.get("errorMessage") or body.get("message") or body.get("error") or ""
    )
    return code, shortened(" ".join(reason.split()), LONGEST_REASON) or "no explanation"


async def ask(
    server_url: str, doing: str, role: str, request: Callable[[], Awaitable[ResultT]], who: str = "the account"
) -> ResultT:
    """Run one operation of the admin API and explain its failure in one line.

    Args:
        server_url: The server.
        doing: The operation and its object: ``reading client "scim-endpoint" of realm "Contoso"``.
        role: The realm-management role that it requires.
        request: The operation.
        who: The signed-in account, for messages.

    Raises:
        KeycloakError: The operation failed.
    """
    note(doing)
    try:
        return await request()
    except keycloak_errors.KeycloakConnectionError as error:
        raise KeycloakError(unreachable(server_url, doing, error)) from error
    except keycloak_errors.KeycloakError as error:
        status = error.response_code
        code, reason = server_words(error)
        if status == httpx.codes.UNAUTHORIZED:
            message = (
                f"{doing} failed: {server_url} refuses the token that it just issued to {who} ({reason}); check "
                "kzeroServerUrl (KZERO_SERVER_URL) and any proxy in between"
            )
        elif not code and not (status is None or is_momentary(status)):
            message = (
                f"{doing} failed: {server_url} answered {status}, but the answer is not from Keycloak; check "
                "kzeroServerUrl (KZERO_SERVER_URL) and any proxy in between"
            )
        elif status == httpx.codes.FORBIDDEN:
            message = (
                f"{doing} failed: {who} lacks the role {role} of client realm-management; assign it under the client's "
                "Service accounts roles or the user's Role mapping"
            )
        elif status == httpx.codes.NOT_FOUND and reason.startswith("Realm "):
            message, code = f"{doing} failed: {reason}", NO_REALM
        else:
            wait = "; it cannot answer now, try again later" if status is not None and is_momentary(status) else ""
            message = f"{doing} failed: {server_url} answered {status}: {reason}{wait}"
        raise KeycloakError(message, status=status, code=code) from error
    except (TypeError, KeyError, ValueError, AttributeError, IndexError):
        # python-keycloak raises these for a body that Keycloak does not send, such as a proxy's page.
        message = f"{doing} failed: {server_url} did not answer like Keycloak; check kzeroServerUrl (KZERO_SERVER_URL)"
        raise KeycloakError(message) from None  # the cause quotes the complete body


def unreachable(server_url: str, doing: str, error: BaseException) -> str:
    """Return why the server did not answer, and what to check."""
    if refused := untrusted(error):
        store = ca_file() or "the default trust store"
        return (
            f"{doing} failed: the certificate of {server_url} is not trusted ({refused.verify_message}; checked "
            f"against {store}); set SSL_CERT_FILE to the CA that issued it"
        )
    cause = error.__cause__ or error
    if isinstance(cause, UnacceptableAnswerError):
        return f"{doing} failed: {server_url} {cause}; check kzeroServerUrl (KZERO_SERVER_URL) and any proxy in between"
    return (
        f"{doing} failed: {server_url} cannot be reached ({root_cause(cause)}); check "
        "kzeroServerUrl (KZERO_SERVER_URL), the network and the proxy settings (HTTPS_PROXY, NO_PROXY)"
    )
