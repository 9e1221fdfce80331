"""The addresses of a sandbox's servers, all on loopback. Must not know the servers."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Ports:
    """The ports to listen on; 0 selects a free port."""

    kzero: int = 8443
    entra: int = 8444
    keycloak: int = 18080


@dataclass(frozen=True, kw_only=True)
class Urls:
    """The base URLs of a running sandbox, without a trailing slash."""

    kzero: str
    entra: str
    keycloak: str
