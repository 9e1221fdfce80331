"""The functions of the stand-in, by their token."""

from collections.abc import Awaitable, Callable
from typing import Final

from kzero_sandbox.azuread.functions.application import get_application
from kzero_sandbox.azuread.functions.application_template import get_application_template
from kzero_sandbox.azuread.functions.client_config import get_client_config
from kzero_sandbox.azuread.functions.domains import get_domains
from kzero_sandbox.azuread.functions.group import get_group
from kzero_sandbox.azuread.functions.service_principal import get_service_principal
from kzero_sandbox.azuread.functions.user import get_user
from kzero_sandbox.azuread.graph import Graph
from kzero_sandbox.azuread.properties import Values

Function = Callable[[Graph, Values], Awaitable[Values]]

FUNCTIONS: Final[dict[str, Function]] = {
    "azuread:index/getApplication:getApplication": get_application,
    "azuread:index/getApplicationTemplate:getApplicationTemplate": get_application_template,
    "azuread:index/getClientConfig:getClientConfig": get_client_config,
    "azuread:index/getDomains:getDomains": get_domains,
    "azuread:index/getGroup:getGroup": get_group,
    "azuread:index/getServicePrincipal:getServicePrincipal": get_service_principal,
    "azuread:index/getUser:getUser": get_user,
}

__all__ = ["FUNCTIONS", "Function"]
