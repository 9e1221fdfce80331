"""Checks a SCIM endpoint without a token, and with one as Entra's connection test does. Changes nothing."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import httpx

from kzero_scim.clients import timeouts
from kzero_scim.clients.answers import body_of, read_object, too_slow
from kzero_scim.clients.body import UnreadableBodyError
from kzero_scim.clients.retries import RetryingClient, RetryPolicy, is_momentary, root_cause, untrusted
from kzero_scim.clients.tls import ca_file
from kzero_scim.errors import ScimError
from kzero_scim.redaction import learn, shortened

TIMEOUT: Final = 10.0
"""Seconds."""
WITHIN: Final = 60.0
"""Seconds for one check, retries included."""
LONGEST_BODY: Final = 64 * 1024
"""Bytes to read of an answer. A ServiceProviderConfig has about 1,500."""
_LIST_RESPONSE: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_CONFIG_SCHEMA: Final = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"


class Meaning(StrEnum):
    """The meaning of an endpoint's answer."""

    ALIVE = "alive"
    NOT_ENABLED = "not enabled"
    NO_TENANT = "no such tenant"
    FAILING = "failing"
    SOMETHING_ELSE = "something else"


@dataclass(frozen=True)
class Answer:
    """An endpoint's answer.

    Attributes:
        status: The HTTP status.
        meaning: Its meaning.
        detail: The meaning in words, to follow "the SCIM endpoint".
        is_certain: False if something else may have answered in place of the endpoint, or if it cannot answer now. Then
            it is unknown whether the endpoint is enabled.
    """

    status: int
    meaning: Meaning
    detail: str
    is_certain: bool = True

    @property
    def remedy(self) -> str:
        """What to do about an answer that is not certain."""
        if self.meaning is Meaning.FAILING:
            return "try again later"
        return "check kzeroServerUrl (KZERO_SERVER_URL), and any proxy in front of the server"

    @property
    def alive(self) -> bool:
        """True if a SCIM endpoint answered."""
        return self.meaning is Meaning.ALIVE


class ScimClient:
    """Checks SCIM endpoints (RFC 7644 section 4).

    Args:
        http: Sends the requests; by default a client with a timeout of 10 s and two retries.
        within: Seconds for one check, retries included.
        transport: The default client's transport, in place of its own connections.
    """

    def __init__(
        self,
        http: httpx.AsyncClient | None = None,
        *,
        within: float = WITHIN,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Open no connection yet."""
        self._within = within
        self._http = http or RetryingClient(
            policy=RetryPolicy(delays=(0.3, 1.0)), timeout=timeouts.seconds(TIMEOUT), transport=transport
        )

    async def probe(self, tenant_url: str) -> Answer:
        """Request the endpoint's ServiceProviderConfig without a token and return what the answer means.

        Args:
            tenant_url: The SCIM base URL that Entra calls Tenant URL.

        Raises:
            ScimError: The endpoint did not answer, or its certificate is not trusted.
        """
        return _understand(*await self._look(tenant_url, "ServiceProviderConfig", {}, {}))

    async def search_missing_user(self, tenant_url: str, token: str) -> None:
        """Search with a bearer token for a user that does not exist, as Entra's connection test does.

        Entra searches for a random GUID and expects status 200 with an empty ListResponse:
        https://learn.microsoft.com/entra/identity/app-provisioning/use-scim-to-provision-users-and-groups

        Args:
            tenant_url: The SCIM base URL.
            token: The bearer token that Entra would send.

        Raises:
            ScimError: The answer is different. The message names the usual cause.
        """
        learn(token)
        query = {"filter": f'userName eq "{uuid.uuid4()}"'}
        response, body = await self._look(tenant_url, "Users", query, {"Authorization": f"Bearer {token}"})
        status, content = response.status_code, _document(body)
        if status == httpx.codes.OK and _LIST_RESPONSE in _texts(content.get("schemas")):
            if content.get("totalResults") == 0 and not content.get("Resources"):
                return
            reason = "found users in a search for a user that does not exist: it ignores the filter"
        else:
            reason = _refusal(response, content)
        message = f"SCIM endpoint {tenant_url} {reason}"
        raise ScimError(message, status=status)

    async def aclose(self) -> None:
        """Close all connections."""
        await self._http.aclose()

    async def _look(
        self, tenant_url: str, path: str, query: dict[str, str], headers: dict[str, str]
    ) -> tuple[httpx.Response, bytes]:
        url = f"{tenant_url.rstrip('/')}/{path}"
        headers = {"Accept": "application/scim+json, application/json", **headers}
        try:
            async with (
                asyncio.timeout(self._within),
                self._http.stream("GET", url, headers=headers, params=query or None) as response,
            ):
                return response, (await body_of(response, LONGEST_BODY)).beginning()
        except TimeoutError as error:
            message = f"SCIM endpoint {tenant_url} answered {too_slow(self._within)}; check any proxy in between"
            raise ScimError(message) from error
        except UnreadableBodyError as error:
            message = f"SCIM endpoint {tenant_url} answered {error}; check any proxy in between"
            raise ScimError(message) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if refused := untrusted(error):
                store = ca_file() or "the default trust store"
                message = (
                    f"certificate of SCIM endpoint {tenant_url} is not trusted ({refused.verify_message}; checked "
                    f"against {store}); set SSL_CERT_FILE to the CA that issued it"
                )
            else:
                message = (
                    f"SCIM endpoint {tenant_url} cannot be reached ({root_cause(error)}); "
                    "check the KZero server URL, the network and the proxy settings (HTTPS_PROXY, NO_PROXY)"
                )
            raise ScimError(message) from (None if "Authorization" in headers else error)


def _understand(response: httpx.Response, body: bytes) -> Answer:
    """Return the meaning of an answer, from its status, content type and body."""
    status = response.status_code
    content = _document(body)
    is_page = "html" in response.headers.get("Content-Type", "")
    if is_momentary(status):
        return Answer(status, Meaning.FAILING, f"fails with {status}", is_certain=False)
    if status == httpx.codes.NOT_FOUND:
        if content.get("error") == "Realm does not exist":  # Keycloak's own words for an unknown realm
            return Answer(
                status, Meaning.NO_TENANT, "answers 404: the tenant does not exist; check the name's spelling and case"
            )
        detail = "answers 404: it is not enabled, or the tenant's name has the wrong case"
        # Keycloak answers in JSON. A proxy without a server behind it sends a page or nothing.
        return Answer(status, Meaning.NOT_ENABLED, detail, is_certain=bool(content))
    is_refusal = status == httpx.codes.UNAUTHORIZED or (status == httpx.codes.FORBIDDEN and _is_object(body))
    scheme = response.headers.get("WWW-Authenticate", "Bearer").split(" ")[0].casefold()
    if is_refusal and not is_page and scheme == "bearer":
        return Answer(status, Meaning.ALIVE, f"answers {status}: it is enabled and requires a token")
    schemas = content.get("schemas")
    if status == httpx.codes.OK and isinstance(schemas, list) and _CONFIG_SCHEMA in schemas:
        return Answer(status, Meaning.ALIVE, "answers 200 with its ServiceProviderConfig: it is enabled")
    if response.has_redirect_location:
        # A login page's query may hold a state token.
        target = shortened(response.headers["Location"].split("?")[0], 100)
        detail = f"answers {status}, a redirect to {target}: this is not a SCIM endpoint"
        return Answer(status, Meaning.SOMETHING_ELSE, detail, is_certain=False)
    what = "a web page" if is_page else "something that is not SCIM"
    detail = f"answers {status} with {what}: this is not a SCIM endpoint"
    return Answer(status, Meaning.SOMETHING_ELSE, detail, is_certain=False)


def _refusal(response: httpx.Response, content: dict[str, object]) -> str:
    """Return the answer of an endpoint that refuses a token, in words, and the remedy."""
    status = response.status_code
    detail = shortened(" ".join(str(content.get("detail") or "").split()), 200)
    if not detail:
        _, _, described = response.headers.get("WWW-Authenticate", "").partition('error_description="')
        detail = shortened(described.split('"')[0], 200)
    said = f"answers {status}" + (f": {detail.rstrip('.')}" if detail else "")
    if status == httpx.codes.UNAUTHORIZED:
        if "audience" in detail.lower():
            return f"{said}; the client needs an audience mapper with the Tenant URL as Included Custom Audience"
        return (
            f"{said}: the endpoint does not accept this client's tokens; check that its Profile is Generic, which "
            "client it expects, and the token's audience"
        )
    if status == httpx.codes.FORBIDDEN:
        return (
            f"{said}: the client's service account lacks a role; for Keycloak's own SCIM API, assign manage-users of "
            "client realm-management under Service accounts roles"
        )
    if status == httpx.codes.NOT_FOUND:
        return f"{said}: the endpoint is not enabled, or the tenant's name has the wrong case"
    if status == httpx.codes.OK:
        return "answers 200 without a SCIM ListResponse: this is not a SCIM endpoint"
    return said


def _texts(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _is_object(body: bytes) -> bool:
    return read_object(body) is not None


def _document(body: bytes) -> dict[str, object]:
    return read_object(body) or {}
