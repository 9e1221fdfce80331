"""The SCIM endpoint as an outsider sees it: one unauthenticated look. Sends no credentials, changes nothing."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import httpx

from kzero_scim.clients.answers import read_object, too_slow
from kzero_scim.clients.retries import RetryingClient, root_cause, untrusted
from kzero_scim.clients.tls import ca_file
from kzero_scim.errors import ScimError

TIMEOUT: Final = 10.0
"""Seconds."""
WITHIN: Final = 60.0
"""Seconds for one look, its repetitions included."""
LONGEST_BODY: Final = 64 * 1024
"""Bytes of an answer that are read; a ServiceProviderConfig has about 1,500."""
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
    """

    def __init__(self, http: httpx.AsyncClient | None = None, *, within: float = WITHIN) -> None:
        """Open nothing yet."""
        self._within = within
        self._http = http or RetryingClient(delays=(0.3, 1.0), timeout=TIMEOUT)

    async def probe(self, tenant_url: str) -> Answer:
        """Ask for the endpoint's ServiceProviderConfig without a token.

        Args:
            tenant_url: The SCIM base URL that Entra calls Tenant URL.

        Raises:
            ScimError: Nothing answered, or the certificate is not trusted.
        """
        url = f"{tenant_url.rstrip('/')}/ServiceProviderConfig"
        headers = {"Accept": "application/scim+json, application/json"}
        try:
            async with asyncio.timeout(self._within), self._http.stream("GET", url, headers=headers) as response:
                body = await _beginning(response)
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
            raise ScimError(message) from error
        return _understand(response, body)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()


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


def _document(body: bytes) -> dict[str, object]:
    return read_object(body) or {}
