"""The files of one sandbox: its directory, certificates, secrets and environment.

Reads and writes files only. Must not know or start the servers.
"""

import json
import os
import ssl
from dataclasses import asdict, dataclass
from pathlib import Path

import certifi

from kzero_sandbox.addresses import Urls
from kzero_sandbox.kzero.keycloak import MasterCredentials
from kzero_sandbox.kzero.tenants import TenantCredentials
from kzero_sandbox.organisation import Organisation
from kzero_sandbox.serving import Certificates, issue_certificates

PASSPHRASE = "throw-away-sandbox-passphrase"
"""Encrypts the sandbox's stack. It protects nothing: the state is stored, and deleted, with the sandbox's secrets.

It is fixed because `stacks/Pulumi.sandbox.yaml` contains its salt, so that Pulumi refuses any other passphrase.
"""


@dataclass(frozen=True, kw_only=True)
class SandboxSecrets:
    """The secrets created with the directory; they survive stops and starts."""

    master: MasterCredentials
    tenant: TenantCredentials


@dataclass(frozen=True)
class Layout:
    """The files of one sandbox.

    Args:
        directory: An absolute path.
    """

    directory: Path

    @property
    def ca_file(self) -> Path:
        """The certificate of the sandbox's certificate authority."""
        return self.directory / "ca.pem"

    @property
    def ca_bundle(self) -> Path:
        """That certificate and the machine's own roots, for programs that also connect to the internet."""
        return self.directory / "ca-bundle.pem"

    @property
    def environment_file(self) -> Path:
        """Shell `export` lines for a terminal or a program that uses the sandbox."""
        return self.directory / "env"

    @property
    def status_file(self) -> Path:
        """The supervisor's latest status, as JSON."""
        return self.directory / "status.json"

    @property
    def lock_file(self) -> Path:
        """The file that the supervisor locks while it runs."""
        return self.directory / "lock"

    @property
    def logs(self) -> Path:
        """The folder of logs."""
        return self.directory / "logs"

    @property
    def keycloak_log(self) -> Path:
        """Keycloak's output."""
        return self.logs / "keycloak.log"

    @property
    def keycloak_home(self) -> Path:
        """Keycloak's home directory: links into the distribution, and its database."""
        return self.directory / "keycloak"

    @property
    def entra_state(self) -> Path:
        """The state that the Entra emulator keeps across restarts."""
        return self.directory / "entra.json"

    @property
    def entra_tenants(self) -> Path:
        """The folder with the state of additional Entra tenants, one file per tenant."""
        return self.directory / "entra"

    @property
    def fleet_secrets(self) -> Path:
        """The folder with the secrets of additional tenants, one file per tenant."""
        return self.directory / "fleet-secrets"

    @property
    def fleet_defects(self) -> Path:
        """The defects made on purpose, as JSON: names of tenants by defect."""
        return self.directory / "fleet-defects.json"

    @property
    def pulumi_state(self) -> Path:
        """The folder of Pulumi's file backend."""
        return self.directory / "pulumi-state"

    @property
    def pulumi_home(self) -> Path:
        """Pulumi's home: plugins and credentials of this sandbox only."""
        return self.directory / "pulumi-home"

    @property
    def own_project(self) -> Path:
        """The project of the sandbox's own tenant, which exists if the sandbox uses other ports than the usual ones."""
        return self.directory / "project"

    def make(self) -> None:
        """Create the folders."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o700)
        for folder in (self.logs, self.keycloak_home, self.pulumi_state, self.pulumi_home):
            folder.mkdir(exist_ok=True)

    def certificates(self) -> Certificates:
        """Return the certificates, created if they are missing, and write the bundle of all roots."""
        files = Certificates(
            ca_file=self.ca_file,
            certificate_file=self.directory / "server.pem",
            key_file=self.directory / "server-key.pem",
        )
        if not all(file.is_file() for file in (files.ca_file, files.certificate_file, files.key_file)):
            files = issue_certificates(self.directory)
        self.ca_bundle.write_bytes(self.ca_file.read_bytes() + b"\n" + _machine_roots(self.ca_bundle).read_bytes())
        return files

    def secrets(self, organisation: Organisation) -> SandboxSecrets:
        """Return the secrets, created if they are missing, from a file that only the owner can read."""
        file = self.directory / "secrets.json"
        if file.is_file():
            kept = json.loads(file.read_text())
            return SandboxSecrets(
                master=MasterCredentials(**kept["master"]),
                tenant=TenantCredentials(**kept["tenant"]),
            )
        made = SandboxSecrets(
            master=MasterCredentials.generate(),
            tenant=TenantCredentials.generate(organisation.kzero_tenant),
        )
        write_private(file, json.dumps(asdict(made), indent=2))
        return made


def environment(layout: Layout, urls: Urls, organisation: Organisation, made: SandboxSecrets) -> dict[str, str]:
    """Return the variables with which a program uses the sandbox as if it were Microsoft's and KZero's clouds."""
    return {
        **entra_environment(urls.entra, organisation),
        **tenant_environment(urls.kzero, made.tenant),
        "KZERO_SCIM_ALLOWED_HOSTS": f"{urls.entra} {urls.kzero}",
        "SSL_CERT_FILE": str(layout.ca_bundle),
        "REQUESTS_CA_BUNDLE": str(layout.ca_bundle),
        "NO_PROXY": "localhost,127.0.0.1",
        "no_proxy": "localhost,127.0.0.1",
        "PULUMI_BACKEND_URL": layout.pulumi_state.as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PULUMI_HOME": str(layout.pulumi_home),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }


def entra_environment(entra_url: str, organisation: Organisation, client: str = "least-privilege") -> dict[str, str]:
    """Return the variables with which azuread and the Graph client sign in as one of the organisation's clients."""
    seed = organisation.client(client)
    return {
        "ARM_TENANT_ID": organisation.tenant_id,
        "ARM_CLIENT_ID": seed.client_id,
        "ARM_CLIENT_SECRET": seed.secret,
        "ARM_METADATA_HOSTNAME": entra_url.removeprefix("https://"),
        "ARM_USE_CLI": "false",
    }


def tenant_environment(kzero_url: str, credentials: TenantCredentials) -> dict[str, str]:
    """Return the variables with which the automation signs in to one KZero tenant."""
    return {
        "KZERO_SERVER_URL": kzero_url,
        "KZERO_REALM": credentials.realm,
        "KZERO_CLIENT_ID": credentials.client_id,
        "KZERO_CLIENT_SECRET": credentials.client_secret,
    }


def write_environment(layout: Layout, variables: dict[str, str]) -> None:
    """Write the sandbox's environment file."""
    write_exports(layout.environment_file, variables)


def write_exports(file: Path, variables: dict[str, str]) -> None:
    """Write a shell file of `export` lines."""
    lines = [
        "# Use the sandbox: source this file.",
        *(f"export {name}={_quoted(variables[name])}" for name in variables),
    ]
    write_private(file, "\n".join(lines) + "\n")


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner can read, and replace any existing file atomically."""
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(file)


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def _machine_roots(own: Path) -> Path:
    """Return the roots that this process trusts by default, but never the bundle of an earlier start."""
    for name in (os.environ.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().cafile):
        if name and Path(name).is_file() and Path(name).resolve() != own.resolve():
            return Path(name)
    return Path(certifi.where())
