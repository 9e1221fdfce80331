"""The plugin's configuration, the cloud's addresses from the metadata host, and access tokens.

Follows go-azure-sdk (`sdk/environments/from_endpoint.go`, `sdk/auth`): one metadata document names the login endpoint
and Graph. Tokens come from the v2.0 token endpoint, with a client secret or a federated assertion. The assertion is
configured, or requested from the pipeline's service. Must not know what Graph's objects mean.
"""

import asyncio
import base64
import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from kzero_sandbox.azuread.errors import Refusal

if TYPE_CHECKING:
    import httpx

METADATA_VERSION: Final = "2022-09-01"
ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

_ID_TOKENS: Final = (
    ("oidcRequestUrl", ("ARM_OIDC_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_URL", "SYSTEM_OIDCREQUESTURI")),
    ("oidcRequestToken", ("ARM_OIDC_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "SYSTEM_ACCESSTOKEN")),
    (
        "adoPipelineServiceConnectionId",
        ("ARM_ADO_PIPELINE_SERVICE_CONNECTION_ID", "ARM_OIDC_AZURE_SERVICE_CONNECTION_ID"),
    ),
)
"""How to request an id token from a pipeline's service: GitHub's, or Azure DevOps' if a service connection is set."""
_AUDIENCE: Final = "api://AzureADTokenExchange"

RENEW_BEFORE: Final = 20 * 60
"""How many seconds before a token expires the Go SDK renews it."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The plugin's configuration. Like the official plugin, it reads missing `azuread:` values from the environment."""

    metadata_host: str
    tenant_id: str
    client_id: str
    client_secret: str
    oidc_token: str
    oidc_request_url: str
    oidc_request_token: str
    service_connection: str

    @classmethod
    def read(cls, config: Mapping[str, Any]) -> "Settings":
        """Read the configuration.

        Args:
            config: The `azuread:` values by name without the prefix.

        Raises:
            Refusal: A value that is required to send any request is missing.
        """
        use_oidc = str(_setting(config, "useOidc", "ARM_USE_OIDC")).lower() in {"true", "1"}
        url, bearer, connection = (
            _setting(config, name, *variables) if use_oidc else "" for name, variables in _ID_TOKENS
        )
        settings = cls(
            oidc_request_url=url,
            oidc_request_token=bearer,
            service_connection=connection,
            metadata_host=_setting(config, "metadataHost", "ARM_METADATA_HOSTNAME"),
            tenant_id=_setting(config, "tenantId", "ARM_TENANT_ID"),
            client_id=_setting(config, "clientId", "ARM_CLIENT_ID")
            or _content(_setting(config, "clientIdFilePath", "ARM_CLIENT_ID_FILE_PATH")),
            client_secret=_setting(config, "clientSecret", "ARM_CLIENT_SECRET")
            or _content(_setting(config, "clientSecretFilePath", "ARM_CLIENT_SECRET_FILE_PATH")),
            oidc_token=(
                _setting(config, "oidcToken", "ARM_OIDC_TOKEN")
                or _content(_setting(config, "oidcTokenFilePath", "ARM_OIDC_TOKEN_FILE_PATH"))
            )
            if use_oidc
            else "",
        )
        if not settings.metadata_host:
            message = (
                "azuread's offline stand-in has no metadata host and never connects to Microsoft's own cloud; set "
                "azuread:metadataHost or ARM_METADATA_HOSTNAME to the Entra emulator, or install the official plugin"
            )
            raise Refusal(message)
        for value, names in (
            (settings.tenant_id, "azuread:tenantId or ARM_TENANT_ID"),
            (settings.client_id, "azuread:clientId or ARM_CLIENT_ID"),
            (
                settings.client_secret or settings.oidc_token or (url and bearer),
                "azuread:clientSecret or ARM_CLIENT_SECRET (or useOidc with oidcToken or a pipeline's variables)",
            ),
        ):
            if not value:
                message = f"azuread's offline stand-in cannot sign in: {names} is not set"
                raise Refusal(message)
        return settings


def _setting(config: Mapping[str, Any], name: str, *variables: str) -> str:
    value = config.get(name)
    if value not in {None, ""}:
        return str(value)
    return next(filter(None, map(os.environ.get, variables)), "")


def _content(path: str) -> str:
    if not path:
        return ""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        message = f"azuread cannot read the credential file {path}: {error.strerror}"
        raise Refusal(message) from error


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """The addresses that the metadata host names, without a trailing slash.

    Attributes:
        login: The login endpoint.
        graph: Microsoft Graph, without an API version.
        scope: The scope of a token for Graph.
    """

    login: str
    graph: str
    scope: str

    @classmethod
    async def discover(cls, http: "httpx.AsyncClient", host: str) -> "Cloud":
        """Read the addresses from the metadata host, always over TLS.

        Raises:
            Refusal: The metadata host does not answer, or its answer lacks an address.
        """
        import httpx  # noqa: PLC0415 - loaded late, see __main__

        url = f"https://{host}/metadata/endpoints"
        try:
            answer = await http.get(url, params={"api-version": METADATA_VERSION})
            answer.raise_for_status()
            document = answer.json()
            resource = str(document["microsoftGraphResourceId"])
            login = str(document["authentication"]["loginEndpoint"])
        except (httpx.HTTPError, ValueError, KeyError, TypeError) as error:
            message = f"azuread cannot read the cloud's addresses at {url}: {error!r}"
            raise Refusal(message) from error
        graph = resource.rstrip("/")
        return cls(login=login.rstrip("/"), graph=graph, scope=f"{graph}/.default")


class Tokens:
    """Access tokens for Graph, kept until the Go SDK would renew them."""

    def __init__(self, http: "httpx.AsyncClient", cloud: Cloud, settings: Settings) -> None:
        """Keep what a token request needs; send no request yet."""
        self._http = http
        self._url = f"{cloud.login}/{settings.tenant_id}/oauth2/v2.0/token"
        self._scope = cloud.scope
        self._settings = settings
        self._lock = asyncio.Lock()
        self._token = ""
        self._renew_at = 0.0

    async def token(self) -> str:
        """Return a token that does not expire soon.

        Raises:
            Refusal: The token endpoint refused or did not answer.
        """
        async with self._lock:
            if time.time() >= self._renew_at:
                self._token, self._renew_at = await self._ask()
            return self._token

    async def object_id(self) -> str:
        """Return the `oid` claim, the object id of the signed-in service principal; empty if the token has none."""
        return str(claims(await self.token()).get("oid", ""))

    async def _ask(self) -> tuple[str, float]:
        import httpx  # noqa: PLC0415 - loaded late, see __main__

        form = {"client_id": self._settings.client_id, "grant_type": "client_credentials", "scope": self._scope}
        # If both a secret and an assertion exist, the official plugin uses the secret.
        if self._settings.client_secret:
            form["client_secret"] = self._settings.client_secret
        else:
            form["client_assertion"] = self._settings.oidc_token or await self._id_token()
            form["client_assertion_type"] = ASSERTION_TYPE
        try:
            answer = await self._http.post(self._url, data=dict(sorted(form.items())))
        except httpx.HTTPError as error:
            message = f"azuread cannot request a token at {self._url}: {error!r}"
            raise Refusal(message) from error
        document = _document(answer)
        if "access_token" not in document:
            said = document.get("error_description") or document.get("error") or answer.reason_phrase
            message = (
                f"azuread cannot sign in as {self._settings.client_id} in tenant {self._settings.tenant_id}: "
                f"{self._url} answered {answer.status_code}: {said}"
            )
            raise Refusal(message)
        token = str(document["access_token"])
        return token, _renewal(token, float(document.get("expires_in", 0)))

    async def _id_token(self) -> str:
        import httpx  # noqa: PLC0415 - loaded late, see __main__

        settings = self._settings
        url = httpx.URL(settings.oidc_request_url)
        method, field, query = "GET", "value", {"audience": _AUDIENCE}
        if settings.service_connection:
            method, field = "POST", "oidcToken"
            query = {"api-version": "7.1", "serviceConnectionId": settings.service_connection}
        headers = {"Authorization": f"Bearer {settings.oidc_request_token}"}
        try:
            answer = await self._http.request(method, url.copy_merge_params(query), headers=headers)
            return str(answer.raise_for_status().json()[field])
        except (httpx.HTTPError, ValueError, KeyError) as error:
            message = f"azuread cannot get the pipeline's id token from {url.host}: {error!r}"
            raise Refusal(message) from error


def claims(token: str) -> dict[str, Any]:
    """Return the claims of a token without checking its signature, which is Graph's task; empty if it is not a JWT."""
    try:
        part = token.split(".")[1]
        found = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (IndexError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _document(answer: "httpx.Response") -> dict[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _renewal(token: str, expires_in: float) -> float:
    """Return when to renew, as go-azure-sdk does: 20 minutes before expiry, or at half of a shorter lifetime."""
    expiry = time.time() + expires_in
    issued = claims(token).get("iat")
    if isinstance(issued, int | float) and 0 < expiry - issued < 2 * RENEW_BEFORE:
        return min(expiry - RENEW_BEFORE, issued + (expiry - issued) / 2)
    return expiry - RENEW_BEFORE
