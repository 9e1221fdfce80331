"""Where an Azure cloud has its login and its Microsoft Graph: Microsoft's own clouds, or one that describes itself.

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

_ORIGIN = re.compile(r"https://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\])(:\d{1,5})?/?")
"""The secret is sent there: no user, no path, nothing that two readers could take for different hosts."""
_HOST = re.compile(r"[A-Za-z0-9.-]+(:\d{1,5})?|\[[0-9A-Fa-f:]+\](:\d{1,5})?")


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """One Azure cloud.

    Attributes:
        name: For messages.
        login: Origin of the login endpoint, ``https://login.microsoftonline.com``.
        graph: Microsoft Graph without version and without a slash at the end, ``https://graph.microsoft.com``.
        exchange_audience: Audience of the id tokens that this cloud takes in exchange for its own.
        is_custom: True if it described itself; Microsoft's instance discovery does not know it then.
    """

    name: str
    login: str
    graph: str
    exchange_audience: str = "api://AzureADTokenExchange"
    is_custom: bool = False

    @property
    def scope(self) -> str:
        """The scope of an application's token for Graph."""
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
"""By the names that azuread takes for ``environment``."""


def known_cloud(name: str | None) -> Cloud:
    """Give Microsoft's cloud of that name; None is the public one.

    Raises:
        SettingsError: There is none.
    """
    cloud = CLOUDS.get((name or "public").casefold())
    if cloud is None:
        message = f'Azure environment "{name}" is unknown; set ARM_ENVIRONMENT to public, usgovernment, dod or china'
        raise SettingsError(message)
    return cloud


async def described_cloud(host: str, http: httpx.AsyncClient | None = None) -> Cloud:
    """Ask a metadata host for its endpoints, as azuread does.

    Args:
        host: ``host[:port]``.
        http: What sends the request.

    Raises:
        SettingsError: The host is misspelt.
        GraphError: It cannot be reached or describes no cloud.
    """
    if not _HOST.fullmatch(host):
        message = f'metadata host "{host}" is not of the form host[:port]; correct ARM_METADATA_HOSTNAME'
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
    shown = f'"{str(value)[:200]}"' if value else "nothing"
    message = f"metadata host {host} gives {shown} as {field}, where an https address belongs; is it the right host?"
    raise GraphError(message)


def _unreachable(host: str, error: httpx.HTTPError) -> GraphError:
    if refused := untrusted(error):
        return GraphError(
            f"metadata host {host}: its certificate is not trusted ({refused.verify_message}); checked against "
            f"{ca_file() or 'the default trust store'}; set SSL_CERT_FILE to the CA that issued it"
        )
    return GraphError(
        f"metadata host {host} cannot be reached: {root_cause(error)}; check ARM_METADATA_HOSTNAME, the network and "
        "the proxy settings (HTTPS_PROXY, NO_PROXY)"
    )
