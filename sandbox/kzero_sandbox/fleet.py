"""Many tenants in a running sandbox, and a project folder with a stack file and credentials for each.

The folder looks like a provider's repository: Pulumi.yaml, stacks and fleet.yaml. Credentials are kept outside it.
Must not import the product.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import yaml

from kzero_sandbox.addresses import Ports, Urls
from kzero_sandbox.kzero.tenants import TenantCredentials
from kzero_sandbox.layout import PASSPHRASE, write_exports, write_private
from kzero_sandbox.organisation import PARTNER, Organisation
from kzero_sandbox.running import RunningSandbox

Json = dict[str, Any]

SALT: Final = "v1:G4zNOnHzZ8o=:v1:JFw3rdXVvNGcupCf:0j8fNYj1nySYdDzQRCImUiJoqS6eYg=="  # pragma: allowlist secret
"""The salt for the sandbox's passphrase. A stack file that contains it needs no salt of its own."""
CHECKOUT: Final = Path(__file__).resolve().parents[2]
OWN_STACK: Final = CHECKOUT / "stacks" / "Pulumi.sandbox.yaml"
"""The stack file of the sandbox's own tenant, with the addresses of the usual ports."""
_LINKED: Final = ("__main__.py", "components", "kzero_scim", "plugin", ".venv")
"""What a separate project would have installed. Links, so that the project uses this checkout."""
_REGIONS: Final = ("emea", "amer", "apac")
_AT_ONCE: Final = 4
_NAME: Final = re.compile(r"tenant-[0-9]{3,4}")
_CONFLICT = 409


@dataclass(frozen=True, kw_only=True)
class FleetTenant:
    """One tenant of the sandbox's fleet.

    Attributes:
        name: The stack's name, for example ``tenant-001``.
        organisation: The tenant's side in Entra.
        credentials: The tenant's credentials in KZero.
    """

    name: str
    organisation: Organisation
    credentials: TenantCredentials

    @property
    def is_of_partner(self) -> bool:
        """Whether the provider's application signs in to the tenant; otherwise the tenant has its own application."""
        return int(self.name.rpartition("-")[2]) % 2 == 0


def make_tenants(
    sandbox: RunningSandbox, numbers: Iterable[int], folder: Path, progress: Callable[[int], None] = lambda _: None
) -> list[FleetTenant]:
    """Create tenants on both sides; existing tenants are kept unchanged.

    Args:
        sandbox: The running sandbox.
        numbers: The tenants' numbers, from 1.
        folder: Where to keep their credentials.
        progress: Receives the number of tenants created so far.

    Returns:
        The tenants, in the order of their numbers.

    Raises:
        httpx.HTTPError: The sandbox does not answer, or refuses.
    """
    wanted = sorted(numbers)
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    with sandbox.entra() as entra, sandbox.kzero() as kzero, ThreadPoolExecutor(_AT_ONCE) as threads:
        if wanted:
            entra.post("/sandbox/tenants", json={"count": max(wanted)}).raise_for_status()
        made: list[FleetTenant] = []
        for tenant in threads.map(lambda number: _tenant(kzero, number, folder), wanted):
            made.append(tenant)
            progress(len(made))
    return made


def known_tenant(name: str, folder: Path) -> FleetTenant | None:
    """Return an existing tenant by its stack's name, or None if it was not created.

    Args:
        name: The stack's name, for example ``tenant-001``.
        folder: The folder with the credentials.
    """
    file = folder / f"{name}.json"
    if not _NAME.fullmatch(name) or not file.is_file():
        return None
    return FleetTenant(
        name=name,
        organisation=Organisation.numbered(int(name.rpartition("-")[2])),
        credentials=TenantCredentials(**json.loads(file.read_text())),
    )


def _tenant(kzero: httpx.Client, number: int, folder: Path) -> FleetTenant:
    organisation = Organisation.numbered(number)
    name = f"tenant-{number:03d}"
    if (kept_already := known_tenant(name, folder)) is not None:
        return kept_already
    file = folder / f"{name}.json"
    realm = organisation.kzero_tenant
    answer = kzero.post("/sandbox/tenants", json={"name": realm})
    if answer.status_code == _CONFLICT:
        # An earlier run stopped before it wrote the secrets.
        kzero.delete(f"/sandbox/tenants/{realm}").raise_for_status()
        answer = kzero.post("/sandbox/tenants", json={"name": realm})
    kept: Json = answer.raise_for_status().json()
    write_private(file, json.dumps(kept))
    return FleetTenant(name=name, organisation=organisation, credentials=TenantCredentials(**kept))


@contextmanager
def fleet(sandbox: RunningSandbox, count: int, folder: Path) -> Iterator[list[FleetTenant]]:
    """Create tenants and a project for them; afterwards remove the realms and reset the Entra tenants.

    Args:
        sandbox: The running sandbox.
        count: How many tenants to create.
        folder: The project's folder; the secrets are written to a folder beside it.
    """
    secrets = folder.with_name(f"{folder.name}-secrets")
    tenants = make_tenants(sandbox, range(1, count + 1), secrets)
    try:
        write_project(sandbox, tenants, folder)
        yield tenants
    finally:
        sandbox.layout.fleet_defects.unlink(missing_ok=True)
        with sandbox.entra() as entra, sandbox.kzero() as kzero:
            # A later realm with the same name must not inherit this realm's faults.
            kzero.delete("/sandbox/faults").raise_for_status()
            for tenant in tenants:
                entra.post(f"/sandbox/of/{tenant.organisation.tenant_id}/reset").raise_for_status()
                kzero.delete(f"/sandbox/tenants/{tenant.credentials.realm}").raise_for_status()


def write_project(sandbox: RunningSandbox, tenants: Iterable[FleetTenant], folder: Path) -> None:
    """Write the project folder; existing files are kept, so that changes to them survive.

    Args:
        sandbox: The running sandbox.
        tenants: The tenants that the project contains.
        folder: The project's folder.
    """
    (folder / "stacks").mkdir(parents=True, exist_ok=True)
    credentials = folder / "credentials"
    credentials.mkdir(exist_ok=True)
    credentials.chmod(0o700)
    _once(folder / "Pulumi.yaml", (CHECKOUT / "Pulumi.yaml").read_text())
    urls = sandbox.urls
    _once(
        folder / "fleet.yaml",
        f"credentials:\n  files: credentials\nallowedHosts:\n- {urls.entra}\n- {urls.kzero}\n",
    )
    _once(
        folder / ".gitignore",
        ".kzero-scim/\ncredentials/\nenv\n*.html\ncomment.md\n" + "".join(f"/{name}\n" for name in _LINKED[1:]),
    )
    _link_program(folder)
    for tenant in tenants:
        _once(folder / "stacks" / f"Pulumi.{tenant.name}.yaml", _stack_file(sandbox, tenant))
        if not (credentials / f"{tenant.name}.env").is_file():
            lines = "".join(f"{key}={value}\n" for key, value in _own_variables(tenant).items())
            write_private(credentials / f"{tenant.name}.env", lines)
    write_exports(folder / "env", common_variables(sandbox))


def write_own_project(urls: Urls, folder: Path) -> bool:
    """Write a project for the sandbox's own tenant, if the checkout's stack file has other addresses.

    Args:
        urls: Where the sandbox listens.
        folder: The project's folder.

    Returns:
        Whether the project is needed.
    """
    text = OWN_STACK.read_text()
    usual = Urls(
        kzero=f"https://localhost:{Ports.kzero}", entra=f"https://localhost:{Ports.entra}", keycloak=urls.keycloak
    )
    if urls == usual:
        return False
    host, usual_host = (where.entra.removeprefix("https://") for where in (urls, usual))
    (folder / "stacks").mkdir(parents=True, exist_ok=True)
    _once(folder / "Pulumi.yaml", (CHECKOUT / "Pulumi.yaml").read_text())
    (folder / "stacks" / OWN_STACK.name).write_text(text.replace(usual.kzero, urls.kzero).replace(usual_host, host))
    _link_program(folder)
    return True


def _link_program(folder: Path) -> None:
    for name in _LINKED:
        if not (folder / name).is_symlink():
            (folder / name).symlink_to(CHECKOUT / name)


def _once(file: Path, text: str) -> None:
    if not file.exists():
        file.write_text(text)


def _stack_file(sandbox: RunningSandbox, tenant: FleetTenant) -> str:
    number = int(tenant.name.rpartition("-")[2])
    organisation, domain = tenant.organisation, tenant.organisation.domain
    tags = [*(["canary"] if number <= 2 else []), _REGIONS[number % len(_REGIONS)]]  # noqa: PLR2004 - two canaries
    config: Json = {
        "azuread:tenantId": organisation.tenant_id,
        "azuread:metadataHost": sandbox.urls.entra.removeprefix("https://"),
        "kzero-scim:kzeroServerUrl": sandbox.urls.kzero,
        "kzero-scim:kzeroTenant": organisation.kzero_tenant,
        "kzero-scim:activation": "attributes",
        "kzero-scim:activationPreset": "sandbox",
        "kzero-scim:groups": ["KZero users"],
        "kzero-scim:notificationEmail": f"provisioning@{domain}",
        "kzero-scim:testUser": f"alex@{domain}",
        "kzero-scim:tags": tags,
    }
    if number % 4:
        config["kzero-scim:users"] = [f"alex@{domain}", f"morgan@{domain}"]
    if number % 5 == 0:
        config["kzero-scim:assignmentsExclusive"] = True
    return yaml.safe_dump({"encryptionsalt": SALT, "config": config}, sort_keys=False)


def _own_variables(tenant: FleetTenant) -> dict[str, str]:
    own = {
        "KZERO_CLIENT_ID": tenant.credentials.client_id,
        "KZERO_CLIENT_SECRET": tenant.credentials.client_secret,
    }
    if not tenant.is_of_partner:
        client = tenant.organisation.client("least-privilege")
        own |= {"ARM_CLIENT_ID": client.client_id, "ARM_CLIENT_SECRET": client.secret}
    return own


def common_variables(sandbox: RunningSandbox) -> dict[str, str]:
    """Return the variables for a terminal: the sandbox's without any tenant's, and the provider's application."""
    mine = re.compile(r"ARM_(TENANT|CLIENT)_|KZERO_(?!SCIM_)")
    kept = {key: value for key, value in sandbox.process.environment().items() if not mine.match(key)}
    return kept | {
        "ARM_CLIENT_ID": PARTNER.client_id,
        "ARM_CLIENT_SECRET": PARTNER.secret,
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
    }
