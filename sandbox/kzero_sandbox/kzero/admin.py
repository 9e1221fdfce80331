"""A client of the sandbox's Keycloak admin API, signed in as a service account of the master realm.

Must not know SCIM.
"""

import asyncio
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx

_TOKEN_MARGIN_SECONDS = 10.0
_TIMEOUT_SECONDS = 30.0


class KeycloakRefusedError(RuntimeError):
    """Keycloak answered an administrative request with an error.

    Args:
        status: The HTTP status.
        reason: Keycloak's own error message.
    """

    def __init__(self, status: int, reason: str) -> None:
        """Keep the status and the reason."""
        super().__init__(f"Keycloak answered {status}: {reason}")
        self.status = status
        self.reason = reason


class KeycloakAdmin:
    """Sends requests to `/admin/realms/{realm}` with a valid token.

    Args:
        url: Keycloak's own address.
        client_id: A service account of the master realm with role `admin`.
        client_secret: The service account's secret.
        username: A user of the master realm with that role, instead of a service account.
        password: The user's password.
    """

    def __init__(
        self, url: str, *, client_id: str = "admin-cli", client_secret: str = "", username: str = "", password: str = ""
    ) -> None:
        """Prepare the client; the first request fetches a token."""
        self.url = url
        self._grant = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": client_secret}
        if username:
            self._grant = {"grant_type": "password", "client_id": client_id, "username": username, "password": password}
        self._http = httpx.AsyncClient(base_url=url, timeout=_TIMEOUT_SECONDS, trust_env=False)
        self._token = ""
        self._token_ends = 0.0
        self._renewing = asyncio.Lock()

    async def __aenter__(self) -> Self:
        """Return itself."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the connections."""
        await self._http.aclose()

    def forget_token(self) -> None:
        """Fetch a new token for the next request: a token has no rights in realms created after it was issued."""
        self._token_ends = 0.0

    async def request(self, method: str, path: str, **options: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own
        """Send one request to `/admin/realms{path}` and return the response.

        Args:
            method: The HTTP method.
            path: The path after `/admin/realms`; see `realm_path`.
            options: Options of httpx, for example `json` and `params`.

        Raises:
            KeycloakRefusedError: Keycloak answered with an error.
        """
        response = await self._send(method, path, options)
        if response.status_code in {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}:
            self.forget_token()
            response = await self._send(method, path, options)
        if response.is_error:
            raise KeycloakRefusedError(response.status_code, _reason(response))
        return response

    async def get(self, path: str, **params: str | int) -> Any:  # noqa: ANN401 - JSON
        """Return the JSON that a GET request returns."""
        return (await self.request("GET", path, params=params)).json()

    async def _send(self, method: str, path: str, options: dict[str, Any]) -> httpx.Response:
        headers = {"Authorization": f"Bearer {await self._bearer()}"}
        return await self._http.request(method, f"/admin/realms{path}", headers=headers, **options)

    async def _bearer(self) -> str:
        clock = asyncio.get_running_loop().time
        async with self._renewing:
            if clock() >= self._token_ends:
                response = await self._http.post(
                    "/realms/master/protocol/openid-connect/token",
                    data=self._grant,
                )
                if response.is_error:
                    raise KeycloakRefusedError(response.status_code, _reason(response))
                answer = response.json()
                self._token = answer["access_token"]
                self._token_ends = clock() + float(answer["expires_in"]) - _TOKEN_MARGIN_SECONDS
        return self._token


def realm_path(realm: str, *parts: str) -> str:
    """Return the path of an object in a realm, with each part quoted."""
    return "/" + "/".join(quote(part, safe="") for part in (realm, *parts))


def _reason(response: httpx.Response) -> str:
    try:
        body = response.json()
    except ValueError:
        return response.text[:200] or response.reason_phrase
    if not isinstance(body, dict):
        return str(body)[:200]
    errors = body.get("errors")
    if isinstance(errors, list) and errors:
        return "; ".join(_reason_of(error) for error in errors)
    return _reason_of(body)


def _reason_of(body: dict[str, Any]) -> str:
    reason = body.get("errorMessage") or body.get("error_description") or body.get("error") or "no reason given"
    field = body.get("field")
    return f"{field}: {reason}" if field else str(reason)
