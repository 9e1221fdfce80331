"""Where the parts of a sandbox listen, all on loopback."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Ports:
    """Where to listen; 0 takes a free port."""

    kzero: int = 8443
    entra: int = 8444
    keycloak: int = 18080


@dataclass(frozen=True, kw_only=True)
class Urls:
    """The addresses of a running sandbox, without a slash at the end."""

    kzero: str
    entra: str
    keycloak: str
