"""The login and Microsoft Graph addresses of Azure clouds: Microsoft's own, or one that a metadata host describes.

National clouds: https://learn.microsoft.com/graph/deployments
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx

from kzero_scim.clients.answers import read_object
from kzero_scim.clients.retries import RetryingClient, root_cause, untrusted
from kzero_scim.clients.tls import ca_file
from kzero_scim.errors import GraphError, SettingsError
from kzero_scim.redaction import shortened

_ORIGIN = re.compile(r"https://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:\d{1,5})?/?")
"""An origin without user or path, so that every parser sees the same host. The client secret is sent to it."""
_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?|\[[0-9A-Fa-f:]+\](:\d{1,5})?")


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """One Azure cloud.

    Attributes:
        name: Its name, for messages.
        login: Origin of the login endpoint, ``https://login.microsoftonline.com``.
        graph: Microsoft Graph without version and trailing slash, ``https://graph.microsoft.com``.
        exchange_audience: The audience that a pipeline's id token needs to be exchanged for a token of this cloud.
        is_custom: True if a metadata host described it. Microsoft's instance discovery does not know such a cloud.
    """

    name: str
    login: str
    graph: str
    exchange_audience: str = "api://AzureADTokenExchange"
    is_custom: bool = False

    @property
    def scope(self) -> str:
        """The scope to request for an application's Graph token."""
        return f"{self.graph}/.default"


_PUBLIC: Final = Cloud(name="public", login="https://login.microsoftonline.com", graph="https://graph.microsoft.com")
_GOVERNMENT: Final = Cloud(
    name="usgovernment",
    login="https://login.microsoftonline.us",
    graph="https://graph.microsoft.us",
    exchange_audience="api://AzureADTokenExchangeUSGov",
)
_DEFENSE: Final = Cloud(
    name="usgovernmentl5",
    login="https://login.microsoftonline.us",
    graph="https://dod-graph.microsoft.us",
    exchange_audience="api://AzureADTokenExchangeUSGov",
)
_CHINA: Final = Cloud(
    name="china",
    login="https://login.partner.microsoftonline.cn",
    graph="https://microsoftgraph.chinacloudapi.cn",
    exchange_audience="api://AzureADTokenExchangeChina",
)

CLOUDS: Final[Mapping[str, Cloud]] = {
    "public": _PUBLIC,
    "global": _PUBLIC,
    "usgovernment": _GOVERNMENT,
    "usgovernmentl4": _GOVERNMENT,
    "usgovernmentl5": _DEFENSE,
    "dod": _DEFENSE,
    "china": _CHINA,
}
"""Clouds by the names that azuread accepts as ``environment``."""


def known_cloud(name: str | None) -> Cloud:
    """Return Microsoft's cloud of a name; None stands for the public cloud.

    Raises:
        SettingsError: The name is unknown.
    """
    cloud = CLOUDS.get((name or "public").casefold())
    if cloud is None:
        message = f'Azure environment "{name}" is unknown; set ARM_ENVIRONMENT to public, usgovernment, dod or china'
        raise SettingsError(message)
    return cloud


async def described_cloud(host: str, http: httpx.AsyncClient | None = None) -> Cloud:
    """Return the cloud that a metadata host describes, as azuread reads it.

    Args:
        host: ``host[:port]``.
        http: Sends the request.

    Raises:
        SettingsError: The host is malformed.
        GraphError: The host cannot be reached or describes no cloud.
    """
    if not _HOST.fullmatch(host):
        message = f'metadata host "{host}" is malformed; set ARM_METADATA_HOSTNAME to host or host:port'
        raise SettingsError(message)
    url = f"https://{host}/metadata/endpoints?api-version=2022-09-01"
    client = http or RetryingClient(timeout=10.0)
    try:
        response = await client.get(url)
    except httpx.HTTPError as error:
        raise _unreachable(host, error) from error
    finally:
        if http is None:
            await client.aclose()
    if response.status_code != httpx.codes.OK:
        message = f"metadata host {host} answered {response.status_code} to {url}; correct ARM_METADATA_HOSTNAME"
        raise GraphError(message, status=response.status_code)
    return _read(host, response)


def _read(host: str, response: httpx.Response) -> Cloud:
    content: Mapping[str, Any] = read_object(response.content) or {}
    authentication = content.get("authentication")
    login = authentication.get("loginEndpoint") if isinstance(authentication, dict) else None
    return Cloud(
        name=str(content.get("name") or host),
        login=_endpoint(host, "authentication.loginEndpoint", login),
        graph=_endpoint(host, "microsoftGraphResourceId", content.get("microsoftGraphResourceId")),
        is_custom=True,
    )


def _endpoint(host: str, field: str, value: object) -> str:
    if isinstance(value, str) and _ORIGIN.fullmatch(value):
        return value.rstrip("/")
    shown = f'"{shortened(str(value), 200)}"' if value else "nothing"
    message = f"metadata host {host} answered {shown} as {field}, not an https address; check ARM_METADATA_HOSTNAME"
    raise GraphError(message)


def _unreachable(host: str, error: httpx.HTTPError) -> GraphError:
    if refused := untrusted(error):
        return GraphError(
            f"certificate of metadata host {host} is not trusted ({refused.verify_message}; checked against "
            f"{ca_file() or 'the default trust store'}); set SSL_CERT_FILE to the CA that issued it"
        )
    return GraphError(
        f"metadata host {host} cannot be reached ({root_cause(error)}); check ARM_METADATA_HOSTNAME, the network and "
        "the proxy settings (HTTPS_PROXY, NO_PROXY)"
    )
