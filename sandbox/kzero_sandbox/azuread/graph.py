"""Microsoft Graph requests as the official plugin sends them: paths, query encoding, pages, retries.

Must not know what resources or functions do with the answers.
Retries follow go-azure-sdk (`sdk/client/client.go`): for 408, 424, 429 and 5xx, after the time in `Retry-After` if the
answer has one, otherwise after a pause that doubles. A read is also repeated if the connection ends before the answer
does. Differs: if nothing listens, the official plugin repeats a read until its time-out; this one fails at once.
"""

import os
import ssl
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import quote_plus

from kzero_sandbox.azuread.cloud import Cloud, Settings, Tokens
from kzero_sandbox.azuread.errors import GraphRefusal, Refusal
from kzero_sandbox.azuread.pauses import Pauses

if TYPE_CHECKING:
    import httpx

Document = dict[str, Any]
Version = Literal["v1.0", "beta"]
Again = Callable[[int, str], bool]
"""Returns whether to retry, from the answer's status and Graph's message."""

BAD_REQUEST: Final = 400
FORBIDDEN: Final = 403
NOT_FOUND: Final = 404
TRY_AGAIN: Final = frozenset({408, 424, 429})
NOT_IMPLEMENTED: Final = 501
SERVER_ERROR: Final = 500

RETRIES: Final = 16
FIRST_PAUSE: Final = 1.0
LONGEST_PAUSE: Final = 61.0


class Graph:
    """Microsoft Graph of one tenant.

    Attributes:
        tenant_id: The tenant.
        client_id: The application that is signed in.
        object_id: Its service principal.
        base: Graph's address without a version.
    """

    def __init__(self, http: "httpx.AsyncClient", cloud: Cloud, settings: Settings, pauses: Pauses) -> None:
        """Keep the connection and its settings; send no request yet."""
        self._http = http
        self._tokens = Tokens(http, cloud, settings)
        self._pauses = pauses
        self.base = cloud.graph
        self.tenant_id = settings.tenant_id
        self.client_id = settings.client_id
        self.object_id = ""

    @classmethod
    async def connect(cls, http: "httpx.AsyncClient", settings: Settings, pauses: Pauses) -> "Graph":
        """Discover the cloud and sign in, as the official plugin does when it is configured.

        Raises:
            Refusal: The metadata host or the token endpoint refused or did not answer.
        """
        graph = cls(http, await Cloud.discover(http, settings.metadata_host), settings, pauses)
        graph.object_id = await graph._tokens.object_id()
        if not graph.object_id:
            found = await graph.search("/servicePrincipals", equals={"appId": settings.client_id})
            graph.object_id = str(found[0]["id"]) if found else ""
        return graph

    async def close(self) -> None:
        """Close the connections."""
        await self._http.aclose()

    async def get(self, path: str, *, version: Version = "v1.0", select: str = "") -> Document:
        """Return one object."""
        return await self._call("GET", path, version=version, query={"$select": select} if select else {})

    async def find(self, path: str, *, version: Version = "v1.0", select: str = "") -> Document | None:
        """Return one object, or None if it does not exist."""
        try:
            return await self.get(path, version=version, select=select)
        except GraphRefusal as refusal:
            if refusal.status == NOT_FOUND:
                return None
            raise

    async def search(
        self, path: str, *, version: Version = "v1.0", equals: Mapping[str, str | bool] | None = None, where: str = ""
    ) -> list[Document]:
        """Return the objects of all pages of a collection.

        Args:
            path: The collection.
            version: Graph's version.
            equals: Property values that all objects must have.
            where: An OData filter, used if `equals` is empty.
        """
        filtered = " and ".join(f"{name} eq {_literal(value)}" for name, value in (equals or {}).items()) or where
        answer = await self._call("GET", path, version=version, query={"$filter": filtered} if filtered else {})
        found = list(answer.get("value", []))
        while following := answer.get("@odata.nextLink"):
            answer = await self._send("GET", str(following))
            found += answer.get("value", [])
        return found

    async def post(self, path: str, body: Document, *, again: Again | None = None) -> Document:
        """Create an object and return it."""
        return await self._call("POST", path, body=body, again=again)

    async def patch(self, path: str, body: Document) -> None:
        """Change an object."""
        await self._call("PATCH", path, body=body)

    async def delete(self, path: str) -> None:
        """Delete an object."""
        await self._call("DELETE", path)

    async def _call(  # noqa: PLR0913 - the parts of a request
        self,
        method: str,
        path: str,
        *,
        version: Version = "v1.0",
        query: Mapping[str, str] | None = None,
        body: Document | None = None,
        again: Again | None = None,
    ) -> Document:
        # The Go SDK encodes the query as a form: a space becomes "+", a dollar sign "%24".
        encoded = "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in (query or {}).items())
        url = f"{self.base}/{version}{path}" + (f"?{encoded}" if encoded else "")
        return await self._send(method, url, body=body, again=again)

    async def _send(
        self, method: str, url: str, *, body: Document | None = None, again: Again | None = None
    ) -> Document:
        import httpx  # noqa: PLC0415 - loaded late, see __main__

        what = f"{method} {url.removeprefix(self.base)}"
        for attempt in range(RETRIES + 1):
            headers = {"Authorization": f"Bearer {await self._tokens.token()}", "Accept": "application/json"}
            try:
                answer = await self._http.request(method, url, json=body, headers=headers)
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError) as error:
                if method != "GET" or attempt == RETRIES:
                    message = f"{what}: no answer from {self.base}; the connection may have been reset: {error!r}"
                    raise Refusal(message) from error
                await self._pauses.pause(_doubling(attempt))
                continue
            except httpx.HTTPError as error:
                message = f"{what}: Microsoft Graph at {self.base} did not answer: {error!r}"
                raise Refusal(message) from error
            if answer.status_code < BAD_REQUEST:
                return _document(answer, what)
            refusal = _refusal(answer, what)
            if attempt == RETRIES or not (_transient(answer.status_code) or (again and again(*_said(refusal)))):
                raise refusal
            await self._pauses.pause(_pause(answer, attempt))
        message = f"{what}: not answered"
        raise Refusal(message)


def connection() -> "httpx.AsyncClient":
    """Return an HTTP client that trusts the same certificates as Go: `SSL_CERT_FILE` if set, else the system's."""
    import httpx  # noqa: PLC0415 - loaded late, see __main__

    file = os.environ.get("SSL_CERT_FILE") or None
    try:
        trust = ssl.create_default_context(cafile=file)
    except OSError as error:
        message = f"azuread cannot read the certificates in SSL_CERT_FILE={file}: {error.strerror or error}"
        raise Refusal(message) from error
    return httpx.AsyncClient(verify=trust, timeout=httpx.Timeout(60.0))


def _literal(value: str | bool) -> str:  # noqa: FBT001 - an OData value, not a switch
    if isinstance(value, bool):
        return "true" if value else "false"
    return "'" + value.replace("'", "''") + "'"


def _document(answer: "httpx.Response", what: str) -> Document:
    if not answer.content:
        return {}
    try:
        found = answer.json()
    except ValueError as error:
        message = f"{what}: Microsoft Graph answered {answer.status_code} with a body that is not JSON"
        raise Refusal(message) from error
    return found if isinstance(found, dict) else {}


def _refusal(answer: "httpx.Response", what: str) -> GraphRefusal:
    try:
        error = answer.json()["error"]
        code, text = str(error.get("code", "")), str(error.get("message", ""))
    except (ValueError, KeyError, TypeError, AttributeError):
        code, text = "", answer.reason_phrase
    return GraphRefusal(what, status=answer.status_code, code=code, text=text)


def _said(refusal: GraphRefusal) -> tuple[int, str]:
    return refusal.status, refusal.text


def _transient(status: int) -> bool:
    return status in TRY_AGAIN or (status >= SERVER_ERROR and status != NOT_IMPLEMENTED)


def _pause(answer: "httpx.Response", attempt: int) -> float:
    asked = answer.headers.get("Retry-After", "")
    return float(asked) if asked.isdigit() else _doubling(attempt)


def _doubling(attempt: int) -> float:
    return float(min(FIRST_PAUSE * 2**attempt, LONGEST_PAUSE))
