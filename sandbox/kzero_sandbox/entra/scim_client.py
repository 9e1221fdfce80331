"""The provisioning service's HTTP client: sends SCIM requests to a Tenant URL. Must not know jobs or schemas.

Follows learn.microsoft.com/entra/identity/app-provisioning/use-scim-to-provision-users-and-groups.
"""

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

import httpx

Json = dict[str, Any]
COMPLIANCE_FLAG = "aadOptscim062020"
_FLAGS = frozenset({COMPLIANCE_FLAG.lower(), "azureadscimpatch2017"})
_TIMEOUT_SECONDS = 30.0
_UNAUTHORIZED = frozenset({401, 403})
MEDIA_TYPE = "application/scim+json"
_INCOMPATIBLE = "SystemForCrossDomainIdentityManagementServiceIncompatible"
_UNAVAILABLE = "SystemForCrossDomainIdentityManagementServiceUnavailable"
_INVALID_URL = "InvalidTenantUrl"


class ScimError(Exception):
    """A failed SCIM request; `code` is the error code that the provisioning service reports."""

    def __init__(self, code: str, message: str, status: int | None = None, *, no_endpoint: bool = False) -> None:
        """Create the error; status is the HTTP status, or None if no answer arrived."""
        super().__init__(message)
        self.no_endpoint = no_endpoint
        self.code = code
        self.message = message
        self.status = status

    @property
    def unauthorized(self) -> bool:
        """Whether the credentials were refused."""
        return self.status in _UNAUTHORIZED

    @property
    def complete(self) -> bool:
        """Whether the whole endpoint is unreachable, rather than one object refused."""
        return self.status is None or self.unauthorized or self.no_endpoint


@dataclass(frozen=True)
class TenantUrl:
    """The parts of a Tenant URL; flags that change the client's behavior are not sent to the target."""

    address: str
    parameters: tuple[tuple[str, str], ...]
    compliant: bool
    """Whether the flag aadOptscim062020 is set."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Parse a Tenant URL.

        Raises:
            ScimError: The text is not an https URL.
        """
        parts = urlsplit(text.strip())
        if parts.scheme != "https" or not parts.netloc:
            message = "The Tenant URL must be an absolute https URL."
            raise ScimError(_INVALID_URL, message)
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        flags = {name.lower() for name, _ in pairs} & _FLAGS
        return cls(
            address=f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}",
            parameters=tuple((name, value) for name, value in pairs if name.lower() not in _FLAGS),
            compliant=COMPLIANCE_FLAG.lower() in flags,
        )


class ScimClient:
    """A client of one SCIM endpoint that sends bearer tokens."""

    def __init__(
        self,
        http: httpx.AsyncClient,
        url: TenantUrl,
        token: Callable[[], Awaitable[str]],
        renew: Callable[[str], Awaitable[str]] | None = None,
    ) -> None:
        """Prepare a client.

        Args:
            http: The HTTP client; the caller closes it.
            url: The Tenant URL.
            token: Returns the bearer token for the next request.
            renew: Returns another token for one that was refused; None if tokens cannot be renewed.
        """
        self._http = http
        self.url = url
        self._token = token
        self._renew = renew

    async def find(self, resource: str, attribute: str, value: str, **parameters: str) -> list[Json]:
        """Return the resources (path segment `Users` or `Groups`) whose attribute equals the value."""
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        query = {**parameters, "filter": f'{attribute} eq "{escaped}"'}
        try:
            body = await self._send("GET", f"/{resource}", query)
        except ScimError as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise
            # A search names no object that could be missing, so Entra concludes that the URL is not a SCIM endpoint:
            # entra/identity/app-provisioning/application-provisioning-quarantine-status.
            raise ScimError(error.code, error.message, error.status, no_endpoint=True) from error
        found = body.get("Resources") or [] if isinstance(body, dict) and "totalResults" in body else None
        if not isinstance(found, list):
            message = f"The answer to GET /{resource} is not a SCIM ListResponse."
            raise ScimError(_INCOMPATIBLE, message, 200)
        return found

    async def get(self, resource: str, identifier: str, **parameters: str) -> Json | None:
        """Return a resource, or None if it does not exist."""
        try:
            return _object(await self._send("GET", f"/{resource}/{identifier}", parameters))
        except ScimError as error:
            if error.status == httpx.codes.NOT_FOUND:
                return None
            raise

    async def create(self, resource: str, body: Json) -> Json:
        """Create a resource and return it as the target answers it."""
        created = _object(await self._send("POST", f"/{resource}", {}, body))
        if not isinstance(created.get("id"), str):
            message = f"The answer to POST /{resource} has no id."
            raise ScimError(_INCOMPATIBLE, message, 201)
        return created

    async def patch(self, resource: str, identifier: str, body: Json) -> None:
        """Change a resource."""
        await self._send("PATCH", f"/{resource}/{identifier}", {}, body)

    async def delete(self, resource: str, identifier: str) -> None:
        """Delete a resource; a missing resource counts as deleted."""
        try:
            await self._send("DELETE", f"/{resource}/{identifier}", {})
        except ScimError as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise

    async def _send(self, method: str, path: str, query: dict[str, str], body: Json | None = None) -> Any:  # noqa: ANN401 - JSON
        token = await self._token()
        answer = await self._request(method, path, query, body, token)
        if answer.status_code == httpx.codes.UNAUTHORIZED and self._renew is not None:
            answer = await self._request(method, path, query, body, await self._renew(token))
        if answer.is_success:
            return _json(answer, method, path)
        raise _refusal(answer, method, path)

    async def _request(
        self, method: str, path: str, query: dict[str, str], body: Json | None, token: str
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}", "Accept": MEDIA_TYPE}
        content: dict[str, Any] = {}
        if body is not None:
            content["json"] = body
            headers["Content-Type"] = f"{MEDIA_TYPE}; charset=utf-8"
        params = httpx.QueryParams([*self.url.parameters, *query.items()])
        try:
            try:
                return await self._http.request(
                    method, self.url.address + path, params=params, headers=headers, **content
                )
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                # The server may have closed a kept connection just then. A write may have been carried out.
                if method != "GET":
                    raise
                return await self._http.request(method, self.url.address + path, params=params, headers=headers)
        except httpx.HTTPError as error:
            message = f"{method} {path} got no answer: {type(error).__name__}: {error}"
            raise ScimError(_UNAVAILABLE, message) from error


def _object(value: Any) -> Json:  # noqa: ANN401 - JSON
    if not isinstance(value, dict):
        message = "The answer is not a SCIM resource."
        raise ScimError(_INCOMPATIBLE, message, 200)
    return value


def _json(answer: httpx.Response, method: str, path: str) -> Any:  # noqa: ANN401 - JSON
    if not answer.content:
        return None
    try:
        return answer.json()
    except ValueError as error:
        message = f"The answer to {method} {path} is not JSON but {answer.headers.get('content-type')}."
        raise ScimError(_INCOMPATIBLE, message, 200) from error


def _refusal(answer: httpx.Response, method: str, path: str) -> ScimError:
    status = answer.status_code
    try:
        detail = " ".join(str(answer.json().get("detail") or "").split())
    except (ValueError, AttributeError):
        detail = ""
    message = f"{method} {path} was answered {answer.reason_phrase or 'with'} ({status})" + (
        f": {detail}" if detail else ""
    )
    if status in _UNAUTHORIZED:
        return ScimError("SystemForCrossDomainIdentityManagementInvalidCredentials", message, status)
    if status == httpx.codes.CONFLICT:
        return ScimError("SystemForCrossDomainIdentityManagementConflict", message, status)
    return ScimError("SystemForCrossDomainIdentityManagementBadResponse", message, status)


def connections(ca_file: Path | None) -> httpx.AsyncClient:
    """Return an HTTP client that verifies TLS against this authority, or against the machine's own authorities."""
    context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
    return httpx.AsyncClient(
        verify=context,
        timeout=_TIMEOUT_SECONDS,
        trust_env=False,
        headers={"User-Agent": "kzero-scim-sandbox-entra"},
    )
