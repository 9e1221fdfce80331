"""Which hosts may receive a secret that the stack file does not hold. Asks no service, reads no variable.

Such a secret goes to a built-in host, or to one that the operator named outside the stack file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from kzero_scim.display import plain
from kzero_scim.errors import SettingsError
from kzero_scim.guide.values import CLOUD
from kzero_scim.origin import origin
from kzero_scim.settings.azuread_settings import KNOWN, REFUSED, refusal
from kzero_scim.settings.stack_paths import read_in_stacks
from kzero_scim.settings.text_rules import shown

VARIABLE: Final = "KZERO_SCIM_ALLOWED_HOSTS"
"""Environment variable with the origins that an operator allows, separated by spaces or commas."""

_SERVER: Final = re.compile(r"(https?)://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(?=/|\Z)")
_METADATA_HOST: Final = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?")
_ENTRA: Final = frozenset(
    f"https://{host}"
    for host in (
        "login.microsoftonline.com",
        "login.microsoftonline.us",
        "login.partner.microsoftonline.cn",
        "graph.microsoft.com",
        "graph.microsoft.us",
        "dod-graph.microsoft.us",
        "microsoftgraph.chinacloudapi.cn",
    )
)
"""Login and Microsoft Graph of Microsoft's clouds."""
FILE_SETTINGS: Final = tuple(
    f"azuread:{key}"
    for key in ("clientCertificatePath", "clientIdFilePath", "clientSecretFilePath", "oidcTokenFilePath")
)
"""azuread's settings that name a file."""
_LARGEST_FILE: Final = 1024 * 1024
"""Bytes of such a file."""
_TRUE: Final = frozenset({"true", "1", "t"})
_FALSE: Final = frozenset({"false", "0", "f"})
_BEARERS: Final = ("ARM_OIDC_REQUEST_TOKEN", "ACTIONS_ID_TOKEN_REQUEST_TOKEN", "SYSTEM_ACCESSTOKEN")
_URLS: Final = ("ARM_OIDC_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_URL", "SYSTEM_OIDCREQUESTURI")


def server_of(address: str) -> str | None:
    """Return the server of an address, in one spelling (``https://sso.example:8443``); None if it names none."""
    found = _SERVER.match(address)
    known = origin(found.group()) if found else None
    return known and known.removesuffix(":443" if known.startswith("https:") else ":80")


def read_allowed(entries: Iterable[str], source: str) -> frozenset[str]:
    """Return the servers of a list of origins.

    Args:
        entries: The origins, as in ``https://sso.example``.
        source: What holds the list, for errors.

    Raises:
        SettingsError: An entry is not an origin.
    """
    found = set()
    for entry in entries:
        server = server_of(entry)
        if server is None or _SERVER.fullmatch(entry.removesuffix("/")) is None:
            message = f'{source}: "{plain(entry)[:200]}" is not an origin; write https://host or https://host:port'
            raise SettingsError(message)
        found.add(server)
    return frozenset(found)


def in_environment(environment: Mapping[str, str]) -> frozenset[str]:
    """Return the servers that :data:`VARIABLE` allows.

    Raises:
        SettingsError: An entry is not an origin.
    """
    return read_allowed(re.findall(r"[^\s,]+", environment.get(VARIABLE, "")), VARIABLE)


def export_line(servers: Sequence[str], environment: Mapping[str, str]) -> str:
    """Return what a shell runs to allow these servers too."""
    listed = " ".join(servers)
    if environment.get(VARIABLE):
        return f'export {VARIABLE}="${VARIABLE} {listed}"'
    return f'export {VARIABLE}="{listed}"' if len(servers) > 1 else f"export {VARIABLE}={listed}"


@dataclass(frozen=True)
class _Refusal:
    """One host that must not get a secret."""

    setting: str
    host: str
    secret: str
    named_by: str = "the stack file"
    remedy: str = ""


@dataclass(frozen=True, kw_only=True)
class HostRule:
    """What may go where, for one tenant.

    Attributes:
        stack: What the stack file sets, full key to text, secrets decrypted.
        environment: The variables of the run.
        allowed: The servers that the operator allows.
        project: The folder of Pulumi.yaml, where the paths of the stack file begin.
    """

    stack: Mapping[str, str] = field(repr=False)
    environment: Mapping[str, str] = field(repr=False)
    allowed: frozenset[str]
    project: Path = Path()

    def require(self) -> None:
        """Refuse the stack's addresses that would get a secret which the stack file does not hold.

        Raises:
            SettingsError: One sentence for each such setting, with the host and how an operator allows it.
        """
        self._raise([*self._unknown(), *self._entra(), *self._id_tokens(), *self._kzero()])

    def require_cloud(self, host: str, endpoints: Iterable[str]) -> None:
        """Refuse the login and Graph endpoints of a metadata document that the operator has not allowed.

        Args:
            host: The metadata host, ``host[:port]``.
            endpoints: The endpoints that its document names.

        Raises:
            SettingsError: As :meth:`require`.
        """
        secret = self._sign_in_secret()
        if secret is None:
            return
        known = self.allowed | _ENTRA | {server_of(f"https://{host}")}
        self._raise(
            [
                _Refusal(f"metadata host {plain(host)}", server_of(endpoint) or endpoint, secret, "its document")
                for endpoint in dict.fromkeys(endpoints)
                if server_of(endpoint) is None or server_of(endpoint) not in known
            ]
        )

    @property
    def asked_metadata_host(self) -> str | None:
        """The metadata host whose document decides where a secret goes that the stack file does not hold, if any."""
        host = self.stack.get("azuread:metadataHost") or self.environment.get("ARM_METADATA_HOSTNAME")
        return host if host and self._sign_in_secret() is not None else None

    def require_token_endpoint(self, address: str) -> None:
        """Refuse a token endpoint that would get a secret which the stack file does not hold.

        Raises:
            SettingsError: As :meth:`require`.
        """
        self._raise(list(self._remote_token(address, "remoteTokenEndpoint")))

    def read_file(self, key: str) -> bytes:
        """Read the file that a setting of the stack file names.

        Raises:
            SettingsError: It is not a regular file below ``stacks/``, or cannot be read.
        """
        try:
            return read_in_stacks(self.project, self.stack[key], _LARGEST_FILE)
        except ValueError as error:
            remedy = "correct the path, or name the file by the environment variable of this setting"
            message = f"{key}: {shown(self.stack[key])} cannot be used, {error}; {remedy}"
            raise SettingsError(message) from None

    def unallowed(self) -> list[str]:
        """Return the servers that the stack names and nothing outside it allows, whatever secrets there are."""
        metadata = self._set("azuread:metadataHost")
        named = [
            (f"https://{metadata}" if metadata else "", ("ARM_METADATA_HOSTNAME",), frozenset[str]()),
            (self._set("azuread:oidcRequestUrl"), _URLS, frozenset[str]()),
            *(
                (self._set(f"kzero-scim:{key}"), ("KZERO_SERVER_URL",), frozenset({CLOUD}))
                for key in ("kzeroServerUrl", "remoteTokenEndpoint", "tenantUrl")
            ),
        ]
        found = {
            server: None
            for address, variables, built_in in named
            if (server := server_of(address)) is not None
            and server not in self.allowed | built_in | {self._server_in(name) for name in variables}
        }
        return list(found)

    def _server_in(self, variable: str) -> str | None:
        text = self.environment.get(variable, "")
        return server_of(text if "://" in text else f"https://{text}")

    def _raise(self, refused: list[_Refusal]) -> None:
        if refused:
            servers = dict.fromkeys(each.host for each in refused if not each.remedy)
            raise SettingsError("\n".join(self._sentence(each, list(servers)) for each in refused))

    def _sentence(self, refused: _Refusal, servers: list[str]) -> str:
        host = plain(refused.host)[:200]
        if refused.remedy:
            return f"{refused.setting}: {refused.remedy}" if refused.setting else refused.remedy
        said = f"{refused.setting}: {host} would receive {refused.secret}, and only {refused.named_by} names that host"
        if any(server_of(server) is None for server in servers):
            return f"{said}; correct the address"
        line = export_line(servers, self.environment)
        return f"{said}; to allow it, run `{line}` or list it under allowedHosts in fleet.yaml"

    def _set(self, key: str) -> str:
        return self.stack.get(key, "").strip()

    def _given(self, *names: str) -> str | None:
        """Return the first of these variables that has a value."""
        return next((name for name in names if self.environment.get(name)), None)

    def _is_on(self, key: str, variable: str) -> bool:
        return (self._set(f"azuread:{key}") or self.environment.get(variable, "")).casefold() in _TRUE

    def _unknown(self) -> Iterator[_Refusal]:
        for key in sorted(self.stack):
            namespace, _, name = key.partition(":")
            if namespace == "azuread" and name in REFUSED and self._set(key):
                yield _Refusal("", "", "", remedy=refusal(key))
            elif namespace == "azuread" and name not in KNOWN:
                yield _Refusal(plain(key)[:200], "", "", remedy="the azuread provider has no such setting; remove it")

    def _entra(self) -> Iterator[_Refusal]:
        host, secret = self.stack.get("azuread:metadataHost", ""), self._sign_in_secret()
        if not host or secret is None:
            return
        server = server_of(f"https://{host}") if _METADATA_HOST.fullmatch(host) else None
        named = server_of(f"https://{self.environment.get('ARM_METADATA_HOSTNAME', '')}")
        if server is None or server not in self.allowed | {named}:
            yield _Refusal("azuread:metadataHost", server or host, secret)

    def _sign_in_secret(self) -> str | None:
        """Name what the sign-in to Entra uses and the stack file does not hold; None if it holds everything.

        azuread and kzero-scim try the ways to sign in one after the other and use the first that is complete.
        """
        for key in FILE_SETTINGS:
            if self._set(key):
                return f"the file of {key}"
        if self._is_on("useAksWorkloadIdentity", "ARM_USE_AKS_WORKLOAD_IDENTITY"):
            return "the token of the machine's workload identity"
        if self._set("azuread:clientId") or self._given("ARM_CLIENT_ID", "ARM_CLIENT_ID_FILE_PATH"):
            for own, variables in self._application_secrets():
                if self._set(own):
                    return None
                if name := self._given(*variables):
                    return name
        if self._is_on("useMsi", "ARM_USE_MSI"):
            return "a token of the machine's managed identity"
        uses_cli = (self._set("azuread:useCli") or self.environment.get("ARM_USE_CLI", "")).casefold() not in _FALSE
        return "a token of the Azure CLI" if uses_cli else None

    def _application_secrets(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """List what an application can sign in with: the setting that holds it, and the variables."""
        yield "azuread:clientCertificate", ("ARM_CLIENT_CERTIFICATE", "ARM_CLIENT_CERTIFICATE_PATH")
        yield "azuread:clientSecret", ("ARM_CLIENT_SECRET", "ARM_CLIENT_SECRET_FILE_PATH")
        if self._is_on("useOidc", "ARM_USE_OIDC"):
            yield "azuread:oidcToken", ("ARM_OIDC_TOKEN", "ARM_OIDC_TOKEN_FILE_PATH")
            yield "azuread:oidcRequestToken", _BEARERS

    def _id_tokens(self) -> Iterator[_Refusal]:
        url, secret = self._set("azuread:oidcRequestUrl"), self._given(*_BEARERS)
        if not url or self._set("azuread:oidcRequestToken") or secret is None:
            return
        named = {server_of(self.environment.get(name, "")) for name in _URLS}
        if server_of(url) is None or server_of(url) not in self.allowed | named:
            yield _Refusal("azuread:oidcRequestUrl", server_of(url) or url, secret)

    def _kzero(self) -> Iterator[_Refusal]:
        address = self._set("kzero-scim:kzeroServerUrl") or CLOUD
        for key, variable in (("kzeroClientSecret", "KZERO_CLIENT_SECRET"), ("kzeroPassword", "KZERO_PASSWORD")):
            if not self._set(f"kzero-scim:{key}") and self._given(variable) and not self._is_known(address):
                yield _Refusal("kzeroServerUrl", server_of(address) or address, variable)
                break
        else:
            if self._set("kzero-scim:profile") == "Generic" and not self._set("kzero-scim:secretToken"):
                yield from self._remote_token(address, "kzeroServerUrl")
        if endpoint := self._set("kzero-scim:remoteTokenEndpoint"):
            yield from self._remote_token(endpoint, "remoteTokenEndpoint")
        tenant_url = self._set("kzero-scim:tenantUrl")
        if tenant_url and server_of(tenant_url) != server_of(address) and not self._is_known(tenant_url):
            yield _Refusal("tenantUrl", server_of(tenant_url) or tenant_url, "Entra's token and all users")

    def _remote_token(self, address: str, setting: str) -> Iterator[_Refusal]:
        secret = self._given("KZERO_REMOTE_TOKEN_CLIENT_SECRET")
        if secret and not self._set("kzero-scim:remoteTokenClientSecret") and not self._is_known(address):
            yield _Refusal(setting, server_of(address) or address, secret)

    def _is_known(self, address: str) -> bool:
        """Tell whether an address is KZero's cloud or a KZero server that the operator named."""
        named = server_of(self.environment.get("KZERO_SERVER_URL", ""))
        server = server_of(address)
        return server is not None and server in self.allowed | {named, CLOUD}
