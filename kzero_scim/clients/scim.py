"""The SCIM endpoint as an outsider sees it, and as Entra's connection test does with a token. Changes nothing."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import httpx

from kzero_scim.clients import timeouts
from kzero_scim.clients.answers import read_object, too_slow
from kzero_scim.clients.retries import RetryingClient, RetryPolicy, root_cause, untrusted
from kzero_scim.clients.tls import ca_file
from kzero_scim.errors import ScimError

TIMEOUT: Final = 10.0
"""Seconds."""
WITHIN: Final = 60.0
"""Seconds for one look, its repetitions included."""
LONGEST_BODY: Final = 64 * 1024
"""Bytes of an answer that are read; a ServiceProviderConfig has about 1,500."""
_LIST_RESPONSE: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_CONFIG_SCHEMA: Final = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"


class Meaning(StrEnum):
    """What an endpoint's answer means."""

    ALIVE = "alive"
    NOT_ENABLED = "not enabled"
    NO_TENANT = "no such tenant"
    FAILING = "failing"
    SOMETHING_ELSE = "something else"


@dataclass(frozen=True)
class Answer:
    """What the endpoint answered.

    Attributes:
        status: The HTTP status.
        meaning: What that means.
        detail: The same in words that follow "the SCIM endpoint ...".
    """

    status: int
    meaning: Meaning
    detail: str

    @property
    def alive(self) -> bool:
        """True if a SCIM endpoint answered there."""
        return self.meaning is Meaning.ALIVE


class ScimClient:
    """Looks at SCIM endpoints (RFC 7644 section 4).

    Args:
        http: What sends the requests; by default a client with a time-out of 10 s and two repetitions.
        within: Seconds for one look, its repetitions included.
        transport: What that default client sends by, in place of connections of its own.
    """

    def __init__(
        self,
        http: httpx.AsyncClient | None = None,
        *,
        within: float = WITHIN,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """Open nothing yet."""
        self._within = within
        self._http = http or RetryingClient(
            policy=RetryPolicy(delays=(0.3, 1.0)), timeout=timeouts.seconds(TIMEOUT), transport=transport
        )

    async def probe(self, tenant_url: str) -> Answer:
        """Ask for the endpoint's ServiceProviderConfig without a token.

        Args:
            tenant_url: The SCIM base URL that Entra calls Tenant URL.

        Raises:
            ScimError: Nothing answered, or the certificate is not trusted.
        """
        return _understand(*await self._look(tenant_url, "ServiceProviderConfig", {}, {}))

    async def ask_for_nobody(self, tenant_url: str, token: str) -> None:
        """Ask with a bearer token for a user that does not exist, as Entra's connection test does.

        https://learn.microsoft.com/entra/identity/app-provisioning/use-scim-to-provision-users-and-groups: a random
        GUID as the matching property; the answer must be 200 with an empty ListResponse.

        Args:
            tenant_url: The SCIM base URL.
            token: The bearer token that Entra would send.

        Raises:
            ScimError: The answer is another; says what is usually wrong then.
        """
        query = {"filter": f'userName eq "{uuid.uuid4()}"'}
        response, body = await self._look(tenant_url, "Users", query, {"Authorization": f"Bearer {token}"})
        status, content = response.status_code, _document(body)
        if status == httpx.codes.OK and _LIST_RESPONSE in _texts(content.get("schemas")):
            if content.get("totalResults") == 0 and not content.get("Resources"):
                return
            reason = "answers a search for a user that does not exist with users: it ignores the filter"
        else:
            reason = _refusal(response, content)
        message = f"SCIM endpoint {tenant_url} {reason}"
        raise ScimError(message, status=status)

    async def aclose(self) -> None:
        """Close the connections."""
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
                return response, await _beginning(response)
        except TimeoutError as error:
            message = f"SCIM endpoint {tenant_url} answered {too_slow(self._within)}; is it behind a broken proxy?"
            raise ScimError(message) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if refused := untrusted(error):
                store = ca_file() or "the default trust store"
                message = (
                    f"SCIM endpoint {tenant_url}: its certificate is not trusted ({refused.verify_message}); "
                    f"checked against {store}; set SSL_CERT_FILE to the CA that issued it"
                )
            else:
                message = (
                    f"SCIM endpoint {tenant_url} cannot be reached: {root_cause(error)}; "
                    "check the KZero server URL, the network and the proxy settings (HTTPS_PROXY, NO_PROXY)"
                )
            raise ScimError(message) from (None if "Authorization" in headers else error)


async def _beginning(response: httpx.Response) -> bytes:
    body = bytearray()
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) >= LONGEST_BODY:
            break
    return bytes(body[:LONGEST_BODY])


def _understand(response: httpx.Response, body: bytes) -> Answer:
    """Tell the meanings apart by status, type of content and body."""
    status = response.status_code
    content = _document(body)
    is_page = "html" in response.headers.get("Content-Type", "")
    if status == httpx.codes.NOT_FOUND:
        if content.get("error") == "Realm does not exist":  # Keycloak's own words for an unknown realm
            return Answer(status, Meaning.NO_TENANT, "answers 404: there is no tenant of that name (case counts)")
        detail = "answers 404: it is not enabled, or the tenant's name is in the wrong case"
        return Answer(status, Meaning.NOT_ENABLED, detail)
    if status in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN} and not is_page:
        return Answer(status, Meaning.ALIVE, f"answers {status}: it is enabled and asks for a token")
    schemas = content.get("schemas")
    if status == httpx.codes.OK and isinstance(schemas, list) and _CONFIG_SCHEMA in schemas:
        return Answer(status, Meaning.ALIVE, "answers 200 with its ServiceProviderConfig: it is enabled")
    if status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return Answer(status, Meaning.FAILING, f"fails with {status}")
    if response.has_redirect_location:
        target = response.headers["Location"].split("?")[0][:100]  # a login page's query may hold a state token
        detail = f"answers {status}, a redirect to {target}, which no SCIM endpoint does"
        return Answer(status, Meaning.SOMETHING_ELSE, detail)
    what = "a web page" if is_page else "something that is not SCIM"
    return Answer(status, Meaning.SOMETHING_ELSE, f"answers {status} with {what}: another server is at that address")


def _refusal(response: httpx.Response, content: dict[str, object]) -> str:
    """Say what an endpoint that refuses a token answered, and what to do about it."""
    status = response.status_code
    detail = " ".join(str(content.get("detail") or "").split())[:200]
    if not detail:
        _, _, described = response.headers.get("WWW-Authenticate", "").partition('error_description="')
        detail = described.split('"')[0][:200]
    said = f"answers {status}" + (f": {detail.rstrip('.')}" if detail else "")
    if status == httpx.codes.UNAUTHORIZED:
        if "audience" in detail.lower():
            return f"{said}; the client needs an audience mapper with the Tenant URL as Included Custom Audience"
        return (
            f"{said}; the endpoint does not accept this client's tokens: check that its Profile is Generic, which "
            "client it expects, and the token's audience"
        )
    if status == httpx.codes.FORBIDDEN:
        return (
            f"{said}; the client's account lacks a role: for Keycloak's own SCIM API assign manage-users of client "
            "realm-management under Service accounts roles"
        )
    if status == httpx.codes.NOT_FOUND:
        return f"{said}; the endpoint is not enabled, or the tenant's name is in the wrong case"
    if status == httpx.codes.OK:
        return "answers 200 with something that is no SCIM ListResponse: another server is at that address"
    return said


def _texts(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _document(body: bytes) -> dict[str, object]:
    return read_object(body) or {}
