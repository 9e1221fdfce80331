"""The environment's proxies: refuses one that cannot be used, by its variable. Knows no service."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

import httpx

from kzero_scim.errors import SettingsError

_PROXIES: Final = frozenset({"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"})
_WITHOUT: Final = "NO_PROXY"


def check_proxies(environment: Mapping[str, str] | None = None) -> None:
    """Check the proxies before a client reads them.

    Args:
        environment: The variables; None for those of this process.

    Raises:
        SettingsError: One cannot be used. The message names the variable, never its value: that may hold a password.
    """
    for name, value in (os.environ if environment is None else environment).items():
        upper = name.upper()
        if upper in _PROXIES and value.strip():
            _check_proxy(name, value)
        elif upper == _WITHOUT and not all(_is_host(entry.strip()) for entry in value.split(",")):
            message = f"{name} has an entry that is not a host; separate hosts by commas, as in example.com,10.0.0.1"
            raise SettingsError(message)


def _check_proxy(name: str, value: str) -> None:
    address = value if "://" in value else f"http://{value}"
    scheme = address.partition("://")[0].casefold()
    if scheme.startswith("socks"):
        message = f"{name} names a SOCKS proxy, which kzero-scim cannot use; set it to an http:// proxy, or unset it"
        raise SettingsError(message)
    try:
        split, url = urlsplit(address), httpx.URL(address)
        is_usable = scheme in {"http", "https"} and bool(split.hostname) and split.port != 0 and bool(url.host)
        is_usable = is_usable and address.isprintable() and " " not in address
    except (ValueError, httpx.InvalidURL):
        is_usable = False
    if not is_usable:
        message = (
            f"{name} is not the address of an HTTP proxy; set it to http://host:port, with special characters of a "
            "user name or password percent-encoded, or unset it"
        )
        raise SettingsError(message)


def _is_host(entry: str) -> bool:
    try:
        ipaddress.ip_network(entry, strict=False)
    except ValueError:
        pass
    else:
        return True
    try:
        httpx.URL(entry if "://" in entry else f"all://{entry}")
    except (ValueError, httpx.InvalidURL):
        return False
    return True
