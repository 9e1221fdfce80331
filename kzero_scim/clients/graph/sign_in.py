"""Signs in to Entra for Microsoft Graph: chooses the credential, keeps tokens, explains refusals. Knows no resource.

The choice and its order are azuread's (https://registry.terraform.io/providers/hashicorp/azuread/latest/docs), so that
one configuration serves both: certificate, client secret, OIDC token, OIDC request (GitHub, Azure DevOps), managed
identity, Azure CLI. The credentials are those of ``azure-identity``, which is imported when first needed.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import httpx

from kzero_scim.clients.answers import BEARER
from kzero_scim.clients.graph.cloud import Cloud, described_cloud, known_cloud
from kzero_scim.clients.graph.id_tokens import devops_token, github_token
from kzero_scim.clients.graph.login_limits import LoginAnswer, observe_answers
from kzero_scim.clients.retries import USER_AGENT, is_momentary
from kzero_scim.clients.shared_connections import SharedConnections
from kzero_scim.clients.tls import ca_file, named, shown_path
from kzero_scim.errors import GraphError, SettingsError
from kzero_scim.redaction import current, learn, shortened
from kzero_scim.resource.codec import fields_of
from kzero_scim.resource.formats import same_id
from kzero_scim.settings.allowed_hosts import HostRule
from kzero_scim.settings.azuread_settings import REFUSED, refusal
from kzero_scim.settings.provider_config import Config, complete
from kzero_scim.threads import in_daemon_thread

logging.getLogger("azure").addHandler(logging.NullHandler())  # otherwise its warnings appear on stderr

WITHIN: Final = 180.0
"""Seconds for one sign-in, its retries included."""
RENEW_BEFORE: Final = 300.0
"""A token is renewed this many seconds before it expires."""

_MEANINGS: Final[Mapping[str, str]] = {
    "7000215": "the client secret is wrong; set ARM_CLIENT_SECRET to the secret's value, not to its ID",
    "7000222": "the client secret has expired; create a new one for the application in Entra and set ARM_CLIENT_SECRET",
    "700016": "the tenant has no application with this client ID; correct ARM_CLIENT_ID or ARM_TENANT_ID",
    "7000229": "the application has no service principal in this tenant; grant it admin consent there",
    "7000112": "the application is disabled in this tenant; ask an administrator to enable it",
    "90002": "this cloud has no such tenant; correct ARM_TENANT_ID (or ARM_ENVIRONMENT)",
    "900023": "the tenant ID is neither a GUID nor a domain; correct ARM_TENANT_ID",
    "700024": "the id token is expired or not yet valid; get a fresh one, and check this machine's clock",
    "700027": "the application does not accept this certificate or assertion; upload it there, or use the right one",
    "70021": "no federated credential of the application matches the id token; compare issuer, subject and audience",
    "700211": "no federated credential of the application has the id token's issuer; correct the credential",
    "700212": "no federated credential of the application has the id token's audience; correct the credential",
    "700213": "no federated credential of the application has the id token's subject; correct the credential",
    "50034": "the tenant has no such user; sign in as another user",
    "50076": "multi-factor authentication is required; run `az login` again",
    "53003": "a Conditional Access policy blocks the sign-in; exclude the application or its network from the policy",
    "90033": "Entra has a temporary problem; try again later",
    "90055": "Entra throttles sign-ins to this tenant; try again later",
    "700082": "the Azure CLI's login has expired; run `az login`",
}

_WITHOUT_ANSWER: Final = frozenset({"ServiceRequestError", "ServiceResponseError"})
"""azure.core's errors for a missing answer, by name: the module is imported only when used."""
_NOTHING_GIVEN: Final = (
    "no credentials for Entra: set ARM_TENANT_ID, ARM_CLIENT_ID and one of ARM_CLIENT_SECRET, "
    "ARM_CLIENT_CERTIFICATE_PATH or ARM_USE_OIDC=true (with ARM_OIDC_TOKEN or a pipeline's own variables); or "
    "set ARM_USE_MSI=true; or run `az login` and set ARM_USE_CLI=true. "
    "The azuread: settings of the stack accept the same values"
)


class AccessToken(Protocol):
    """The token that a credential returns."""

    @property
    def token(self) -> str:
        """The token."""

    @property
    def expires_on(self) -> int:
        """When it expires, in seconds since 1970."""


class Credential(Protocol):
    """A synchronous credential of azure-identity."""

    def get_token(self, *scopes: str) -> AccessToken:
        """Sign in and return a token."""

    def close(self) -> None:
        """Close all connections."""


class AsyncCredential(Protocol):
    """An asynchronous credential of azure-identity."""

    async def get_token(self, *scopes: str) -> AccessToken:
        """Sign in and return a token."""

    async def close(self) -> None:
        """Close all connections."""


@dataclass(frozen=True)
class Method:
    """One way to sign in.

    Attributes:
        words: Describes it, to follow "sign in": ``as application x with a client secret``.
        make: Returns the credential; runs in a thread.
        make_async: Returns a credential that signs in on shared connections. It requests only the token, while the
            other one first requests the login's own description.
    """

    words: str
    make: Callable[[Cloud], Credential]
    make_async: Callable[[Cloud, SharedConnections], Awaitable[AsyncCredential]] | None = None


class SignIn:
    """Provides tokens for Microsoft Graph and keeps each until shortly before it expires.

    Args:
        config: The provider's configuration.
        environment: Variables for what the configuration leaves out; None for the process's environment.
        http: Sends requests to a metadata host; by default its own client.
        clock: Seconds since 1970.
        method: How to sign in, instead of the configured method.
        connections: Connections and clouds' descriptions, shared with other tenants.
        hosts: Where secrets of the environment may go; None for wherever a metadata host says.
    """

    def __init__(  # noqa: PLR0913 - most are for tests
        self,
        config: Config,
        environment: Mapping[str, str] | None = None,
        *,
        http: httpx.AsyncClient | None = None,
        clock: Callable[[], float] = time.time,
        method: Method | None = None,
        connections: SharedConnections | None = None,
        hosts: HostRule | None = None,
    ) -> None:
        """Send no request yet."""
        self._environment = os.environ if environment is None else environment
        self._config = complete(config, self._environment)
        self._http = http
        self._clock = clock
        self._method = method
        self._connections = connections
        self._hosts = hosts
        self._lock = asyncio.Lock()
        self._cloud: Cloud | None = None
        self._token: AccessToken | None = None

    @property
    def tenant_id(self) -> str:
        """The ID of the tenant to sign in to.

        Raises:
            SettingsError: No tenant is configured.
        """
        if not self._config.tenant_id:
            message = "no Entra tenant is configured; set azuread:tenantId in the stack, or ARM_TENANT_ID"
            raise SettingsError(message)
        return self._config.tenant_id

    async def cloud(self) -> Cloud:
        """Return the cloud. Reads its description once, if a metadata host is configured."""
        async with self._lock:
            return await self._find_cloud()

    async def token(self, rejected: str | None = None) -> str:
        """Return a token for Microsoft Graph.

        Args:
            rejected: A token that Graph did not accept. A new one is requested, unless another caller did so already.

        Raises:
            SettingsError: No usable credentials are configured.
            GraphError: The login refused or cannot be reached.
        """
        async with self._lock:
            if self._token is not None and self._token.token == rejected:
                self._token = None
            if self._token is None or self._token.expires_on - self._clock() < RENEW_BEFORE:
                self._token = await self._sign_in(await self._find_cloud())
            return self._token.token

    async def _find_cloud(self) -> Cloud:
        if self._cloud is None:
            host = self._config.metadata_host
            cloud = await self._described(host) if host else known_cloud(self._config.environment)
            if host and self._hosts is not None:
                self._hosts.require_cloud(host, (cloud.login, cloud.graph))
            self._cloud = cloud
        return self._cloud

    async def _described(self, host: str) -> Cloud:
        if self._connections is None:
            return await described_cloud(host, self._http)
        # One answer serves all tenants: a metadata host describes a cloud.
        return await self._connections.once(f"cloud {host}", lambda http: described_cloud(host, http))

    async def _sign_in(self, cloud: Cloud) -> AccessToken:
        method = self._method or choose(self._config, self._environment, self._hosts)
        seen = observe_answers()
        try:
            # Each read has a time-out, and a server that sends byte by byte is never late.
            async with asyncio.timeout(WITHIN):
                if self._connections is not None and method.make_async is not None:
                    return await _get_token_async(await method.make_async(cloud, self._connections), cloud)
                return await in_daemon_thread(lambda: _get_token(method, cloud))
        except TimeoutError:
            message = (
                f"cannot sign in to Entra tenant {self._config.tenant_id or '(none given)'} {method.words}: no "
                f"complete answer after {WITHIN:g} s; check {cloud.login} and any proxy in between"
            )
            raise GraphError(message) from None
        except (SettingsError, GraphError):
            raise
        except Exception as error:
            raise _refusal(error, method, self._config.tenant_id, cloud, seen) from error


def _get_token(method: Method, cloud: Cloud) -> AccessToken:
    """Return a token of a new credential. A reused one could return a cached token that Graph has rejected."""
    credential = method.make(cloud)
    try:
        return _checked(credential.get_token(cloud.scope), cloud)
    finally:
        credential.close()


async def _get_token_async(credential: AsyncCredential, cloud: Cloud) -> AccessToken:
    try:
        return _checked(await credential.get_token(cloud.scope), cloud)
    finally:
        await credential.close()


def _checked(token: AccessToken, cloud: Cloud) -> AccessToken:
    if not BEARER.fullmatch(token.token):
        message = f"{cloud.login} issued something that is not a token; check ARM_ENVIRONMENT and ARM_METADATA_HOSTNAME"
        raise GraphError(message)
    learn(token.token)
    return token


def choose(config: Config, environment: Mapping[str, str], hosts: HostRule | None = None) -> Method:
    """Return the first sign-in method, in azuread's order, that is completely configured.

    Args:
        config: The completed configuration.
        environment: Variables that have no setting.
        hosts: Reads the files that the stack file names; None if it names none.

    Raises:
        SettingsError: None is configured. The message names the variables to set.
    """
    method = given(config, environment, hosts)
    if method is not None:
        return method
    if config.use_cli is not False:
        return _azure_cli(config.tenant_id)
    raise SettingsError(_NOTHING_GIVEN)


def given(config: Config, environment: Mapping[str, str], hosts: HostRule | None = None) -> Method | None:
    """Return the method that settings and variables configure, as :func:`choose` does, or None. Omits the Azure CLI.

    Raises:
        SettingsError: A file that a setting or variable names cannot be read, or a variable chooses a sign-in that only
            azuread knows.
    """
    client = config.client_id or _content(config.client_id_file_path, "clientIdFilePath", hosts)
    if config.use_aks_workload_identity:
        client = _pod_client(client, environment.get("AZURE_CLIENT_ID"))
    if client and config.tenant_id:
        method = _application(config, environment, client, hosts)
        if method is not None:
            return method
    if not config.use_msi:
        return None
    for variable in REFUSED.values():
        if environment.get(variable):
            raise SettingsError(refusal(variable))
    return _managed_identity(client)


def _pod_client(client: str | None, pod: str | None) -> str | None:
    if client and pod and not same_id(client, pod):
        message = (
            f"AZURE_CLIENT_ID is {pod}, the workload identity of this pod, but {client} is configured; remove one of "
            "the two"
        )
        raise SettingsError(message)
    return client or pod


def _application(config: Config, environment: Mapping[str, str], client: str, hosts: HostRule | None) -> Method | None:
    tenant = config.tenant_id or ""
    if config.client_certificate or config.client_certificate_path:
        return _certificate(config, client, hosts)
    secret = config.client_secret or _content(config.client_secret_file_path, "clientSecretFilePath", hosts)
    if secret:
        return _secret(tenant, client, secret)
    pod = environment.get("AZURE_FEDERATED_TOKEN_FILE") if config.use_aks_workload_identity else None
    if not config.use_oidc and not pod:
        return None
    token, path = config.oidc_token, config.oidc_token_file_path
    if token:
        return _assertion(tenant, client, lambda _: token, "an id token")
    if path:
        return _assertion(
            tenant,
            client,
            lambda _: _content(path, "oidcTokenFilePath", hosts) or "",
            f"the id token in {shown_path(path) or 'a file'}",
        )
    if pod:
        return _assertion(
            tenant, client, lambda _: _read(pod, "AZURE_FEDERATED_TOKEN_FILE"), "the workload identity of this pod"
        )
    connection = config.ado_pipeline_service_connection_id
    url, bearer = config.oidc_request_url, config.oidc_request_token
    if not url or not bearer:
        return None
    if connection:
        return _assertion(
            tenant, client, lambda _: devops_token(url, bearer, connection), "an id token of Azure DevOps"
        )
    return _assertion(
        tenant, client, lambda cloud: github_token(url, bearer, cloud.exchange_audience), "an id token of the pipeline"
    )


def _secret(tenant: str, client: str, secret: str) -> Method:
    def make(cloud: Cloud) -> Credential:
        from azure.identity import ClientSecretCredential  # noqa: PLC0415 - slow to import

        return ClientSecretCredential(tenant, client, secret, **_options(cloud))

    async def make_async(cloud: Cloud, connections: SharedConnections) -> AsyncCredential:
        from azure.identity.aio import ClientSecretCredential  # noqa: PLC0415 - slow to import

        return ClientSecretCredential(tenant, client, secret, **_async_options(cloud, connections))

    return Method(f"as application {client} with a client secret", make, make_async)


def _certificate(config: Config, client: str, hosts: HostRule | None) -> Method:
    encoded, path = config.client_certificate, config.client_certificate_path

    def make(cloud: Cloud) -> Credential:
        from azure.identity import CertificateCredential  # noqa: PLC0415 - slow to import

        try:
            data = (
                base64.b64decode(encoded, validate=True)
                if encoded
                else _file(path or "", "azuread:clientCertificatePath", hosts)
            )
        except (OSError, ValueError) as error:
            message = f"cannot read the client certificate {_where(encoded, path)}: {_reason(error)}"
            raise SettingsError(message) from None
        password = config.client_certificate_password
        try:
            return CertificateCredential(
                config.tenant_id or "", client, certificate_data=data, password=password or None, **_options(cloud)
            )
        except ValueError:
            message = (
                f"cannot use the client certificate {_where(encoded, path)}; give it as PFX or PEM with its private "
                "key, and its password in ARM_CLIENT_CERTIFICATE_PASSWORD"
            )
            raise SettingsError(message) from None

    return Method(f"as application {client} with a certificate", make)


def _where(encoded: str | None, path: str | None) -> str:
    return (
        "azuread:clientCertificate (ARM_CLIENT_CERTIFICATE)"
        if encoded
        else named("ARM_CLIENT_CERTIFICATE_PATH", path or "")
    )


def _assertion(tenant: str, client: str, fetch: Callable[[Cloud], str], words: str) -> Method:
    def make(cloud: Cloud) -> Credential:
        from azure.identity import ClientAssertionCredential  # noqa: PLC0415 - slow to import

        return ClientAssertionCredential(tenant, client, lambda: _learnt(fetch(cloud)), **_options(cloud))

    async def make_async(cloud: Cloud, connections: SharedConnections) -> AsyncCredential:
        from azure.identity.aio import ClientAssertionCredential  # noqa: PLC0415 - slow to import

        fetched = _learnt(await asyncio.to_thread(fetch, cloud))
        return ClientAssertionCredential(tenant, client, lambda: fetched, **_async_options(cloud, connections))

    return Method(f"as application {client} with {words}", make, make_async)


def _learnt(token: str) -> str:
    learn(token)
    return token


def _managed_identity(client: str | None) -> Method:
    def make(_: Cloud) -> Credential:
        from azure.identity import ManagedIdentityCredential  # noqa: PLC0415 - slow to import

        return ManagedIdentityCredential(client_id=client) if client else ManagedIdentityCredential()

    return Method("with a managed identity", make)


def _azure_cli(tenant: str | None) -> Method:
    def make(_: Cloud) -> Credential:
        from azure.identity import AzureCliCredential  # noqa: PLC0415 - slow to import

        return AzureCliCredential(tenant_id=tenant or "")

    return Method("with the Azure CLI's login", make)


def _only(cloud: Cloud) -> str:
    """Return the only server that a custom cloud's sign-in may ask, whatever its OpenID configuration names."""
    return cloud.login if cloud.is_custom else ""


def _options(cloud: Cloud) -> dict[str, Any]:
    from kzero_scim.clients.graph.login_session import login_transport  # noqa: PLC0415 - slow to import

    about = {"disable_instance_discovery": cloud.is_custom, "transport": login_transport(_only(cloud))}
    return {"authority": cloud.login, "retry_total": 3, "user_agent": USER_AGENT} | about


def _async_options(cloud: Cloud, connections: SharedConnections) -> dict[str, Any]:
    from kzero_scim.clients.graph.login_transport import LoginTransport  # noqa: PLC0415 - slow to import

    transport = LoginTransport(connections.transport(), _only(cloud))
    return {"authority": cloud.login, "retry_total": 3, "user_agent": USER_AGENT, "transport": transport}


def _file(path: str, key: str, hosts: HostRule | None) -> bytes:
    return hosts.read_file(key) if hosts is not None and hosts.stack.get(key) else Path(path).read_bytes()


def _content(path: str | None, key: str, hosts: HostRule | None) -> str | None:
    """Return the text of the file that a setting of azuread or its variable names, None if none is named."""
    if not path:
        return None
    setting = f"azuread:{key}"
    if hosts is None or not hosts.stack.get(setting):
        return _read(path, fields_of(Config)[key].about.environment[0])
    try:
        text = hosts.read_file(setting).decode().strip()
    except UnicodeDecodeError:
        message = f"{setting}: the file is not in UTF-8"
        raise SettingsError(message) from None
    if not text:
        message = f"{setting}: the file is empty; write the value to it, or correct the path"
        raise SettingsError(message)
    if key != "clientIdFilePath":
        learn(text)
    return text


def _read(path: str, variable: str) -> str:
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        message = f"cannot read {named(variable, path)}: {_reason(error)}"
        raise SettingsError(message) from None
    if not text:
        message = f"{named(variable, path)}, is empty; write the token to it, or correct the variable"
        raise SettingsError(message)
    if variable != "ARM_CLIENT_ID_FILE_PATH":
        learn(text)
    return text


def _refusal(
    error: Exception, method: Method, tenant: str | None, cloud: Cloud, seen: Sequence[LoginAnswer]
) -> GraphError:
    text = current().line(" ".join(str(getattr(error, "message", None) or error).split()))
    start = f"cannot sign in to Entra tenant {tenant or '(not configured)'} {method.words}"
    match = re.search(r"AADSTS(\d+)", text)
    last = seen[-1] if seen else None
    if last is not None and is_momentary(last.status):
        said = f"{cloud.login} answered {last.status}; it cannot answer now, try again later"
        return GraphError(f"{start}: {said}", status=last.status, code=f"AADSTS{match.group(1)}" if match else "")
    if match:
        code = match.group(1)
        said = text[match.start() :].split(". ", maxsplit=1)[0].split(" Trace ID", maxsplit=1)[0].rstrip(".")
        meaning = _MEANINGS.get(code, "see https://login.microsoftonline.com/error?code=" + code)
        return GraphError(f"{start}: {shortened(said, 300)}; {meaning}", code=f"AADSTS{code}")
    kind = type(error).__name__
    if last is not None and not last.is_object and kind not in _WITHOUT_ANSWER:
        said = (
            f"{cloud.login} answered {last.status}, but the answer is not from Entra; check ARM_METADATA_HOSTNAME and "
            "any proxy in between"
        )
        return GraphError(f"{start}: {said}", status=last.status)
    if "Unable to get authority configuration" in text:
        said = f"{cloud.login} does not know the tenant; correct azuread:tenantId or ARM_TENANT_ID (or ARM_ENVIRONMENT)"
        return GraphError(f"{start}: {said}")
    if "certificate verify failed" in text.casefold():
        store = ca_file() or "the default trust store"
        said = (
            f"the certificate of {cloud.login} is not trusted (checked against {store}); set SSL_CERT_FILE to the CA "
            "that issued it"
        )
        return GraphError(f"{start}: {said}")
    if kind in _WITHOUT_ANSWER:
        said = f"{cloud.login} cannot be reached; check the network and the proxy settings (HTTPS_PROXY, NO_PROXY)"
        return GraphError(f"{start}: {said}")
    if kind == "CredentialUnavailableError":
        return GraphError(f"{start}: {shortened(text, 200).rstrip('. ')}; {_NOTHING_GIVEN}")
    return GraphError(f"{start}: {shortened(text, 300) or kind}")


def _reason(error: Exception) -> str:
    """Say why a file cannot be read, without a byte of it."""
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else "its content or path is not usable"
