"""Where everything of one sandbox lives: its directory's files, certificates, secrets and environment.

Knows files only; starts nothing.
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
"""Encrypts the sandbox's stack. Fixed: `stacks/Pulumi.sandbox.yaml` holds its salt, and Pulumi refuses any other one.

It keeps nothing from anybody, since the state lies beside the sandbox's secrets and goes with them.
"""


@dataclass(frozen=True, kw_only=True)
class SandboxSecrets:
    """Secrets made with the directory; the same over stops and starts."""

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
        """The certificate of the sandbox's authority."""
        return self.directory / "ca.pem"

    @property
    def ca_bundle(self) -> Path:
        """That certificate and the machine's own roots, for programs that also reach the outside."""
        return self.directory / "ca-bundle.pem"

    @property
    def environment_file(self) -> Path:
        """Shell `export` lines for a terminal or a program that uses the sandbox."""
        return self.directory / "env"

    @property
    def status_file(self) -> Path:
        """What the supervisor last reported, JSON."""
        return self.directory / "status.json"

    @property
    def lock_file(self) -> Path:
        """Locked by the supervisor while it runs."""
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
        """Keycloak's home: links into the distribution, and its database."""
        return self.directory / "keycloak"

    @property
    def entra_state(self) -> Path:
        """What the Entra emulator keeps over stops."""
        return self.directory / "entra.json"

    @property
    def entra_tenants(self) -> Path:
        """The folder of what further Entra tenants keep, a file each."""
        return self.directory / "entra"

    @property
    def fleet_secrets(self) -> Path:
        """The folder of further tenants' secrets, a file each."""
        return self.directory / "fleet-secrets"

    @property
    def fleet_defects(self) -> Path:
        """What was spoiled on purpose, JSON: names of tenants by defect."""
        return self.directory / "fleet-defects.json"

    @property
    def pulumi_state(self) -> Path:
        """The folder of Pulumi's file backend."""
        return self.directory / "pulumi-state"

    @property
    def pulumi_home(self) -> Path:
        """Pulumi's home: plugins and credentials of the sandbox alone."""
        return self.directory / "pulumi-home"

    def make(self) -> None:
        """Make the folders."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o700)
        for folder in (self.logs, self.keycloak_home, self.pulumi_state, self.pulumi_home):
            folder.mkdir(exist_ok=True)

    def certificates(self) -> Certificates:
        """Return the certificates, made when they are missing, and write the bundle of all roots."""
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
        """Return the secrets, made when they are missing, in a file that only the owner reads."""
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
    """Return the variables of a program that uses the sandbox as it would use Microsoft's and KZero's clouds."""
    return {
        **entra_environment(urls.entra, organisation),
        **tenant_environment(urls.kzero, made.tenant),
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
    """Return the variables by which azuread and the Graph client sign in as one of the organisation's clients."""
    seed = organisation.client(client)
    return {
        "ARM_TENANT_ID": organisation.tenant_id,
        "ARM_CLIENT_ID": seed.client_id,
        "ARM_CLIENT_SECRET": seed.secret,
        "ARM_METADATA_HOSTNAME": entra_url.removeprefix("https://"),
        "ARM_USE_CLI": "false",
    }


def tenant_environment(kzero_url: str, credentials: TenantCredentials) -> dict[str, str]:
    """Return the variables by which the automation signs in to one KZero tenant."""
    return {
        "KZERO_SERVER_URL": kzero_url,
        "KZERO_REALM": credentials.realm,
        "KZERO_CLIENT_ID": credentials.client_id,
        "KZERO_CLIENT_SECRET": credentials.client_secret,
    }


def write_environment(layout: Layout, variables: dict[str, str]) -> None:
    """Write the sandbox's shell file."""
    write_exports(layout.environment_file, variables)


def write_exports(file: Path, variables: dict[str, str]) -> None:
    """Write a shell file of `export` lines."""
    lines = [
        "# Use the sandbox: source this file.",
        *(f"export {name}={_quoted(variables[name])}" for name in variables),
    ]
    write_private(file, "\n".join(lines) + "\n")


def write_private(file: Path, text: str) -> None:
    """Write a file that only its owner can read, all at once."""
    draft = file.with_name(f"{file.name}.new")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    draft.write_text(text)
    draft.replace(file)


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def _machine_roots(own: Path) -> Path:
    """Return the roots this process would trust by itself; never the bundle of an earlier start."""
    for name in (os.environ.get("SSL_CERT_FILE"), ssl.get_default_verify_paths().cafile):
        if name and Path(name).is_file() and Path(name).resolve() != own.resolve():
            return Path(name)
    return Path(certifi.where())
