"""The commands of docs/credentials.md set up three tenants in the sandbox, and their credentials are sufficient."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from kzero_sandbox.fleet import FleetTenant, fleet
from kzero_sandbox.running import RunningSandbox

from tests.e2e.cli_project import CHECKOUT, CliProject, install_azuread, search_path

GITLAB = "https://gitlab.com"
_BLOCK = re.compile(r"^```bash\n(.*?)^```$", re.MULTILINE | re.DOTALL)


_KEPT = "TOKEN PERMISSIONS APPLICATION ARM_CLIENT_ID ARM_CLIENT_SECRET"


class Guide:
    """A shell that runs the guide's blocks one after the other and keeps the reader's variables."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._folder = folder
        self._environment = environment
        self.left: list[str] = _BLOCK.findall((CHECKOUT / "docs" / "credentials.md").read_text())
        """The blocks that have not run yet."""

    def run(self, containing: str, **variables: str) -> str:
        """Run the only block that contains these words, and return its output."""
        (block,) = [block for block in self.left if containing in block]
        self.left.remove(block)
        return self._shell(
            f"{block}\ndeclare -f > .shell\ndeclare -p {_KEPT} >> .shell 2> /dev/null || true", variables
        )

    def __getitem__(self, name: str) -> str:
        return self._shell(f'printf %s "${name}"', {})

    def _shell(self, text: str, variables: dict[str, str]) -> str:
        done = subprocess.run(
            ["bash", "-c", f"set -euo pipefail\n[ ! -e .shell ] || . ./.shell\n{text}"],  # noqa: S607 - the reader's
            cwd=self._folder,
            env=self._environment | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        return done.stdout


def test_the_guides_commands_are_sufficient_to_run_a_fleet(sandbox: RunningSandbox, tmp_path: Path) -> None:
    """One application serves two tenants by federation, secret, and both kinds of consent; one tenant has its own."""
    if shutil.which("jq") is None and not os.environ.get("CI"):
        pytest.skip("the commands of docs/credentials.md need jq, which is not on PATH; install it")
    folder = tmp_path / "fleet"
    with fleet(sandbox, 3, folder) as (one, two, three), sandbox.entra() as entra:
        guide = Guide(
            folder,
            {
                "PATH": search_path(),
                "CURL_CA_BUNDLE": str(sandbox.layout.ca_file),
                "GRAPH": sandbox.urls.entra,
                "LOGIN": sandbox.urls.entra,
                "GITHUB_REPOSITORY": "contoso/tenants",
                "GITLAB_PROJECT": "contoso/tenants",
                "CONNECTION_ISSUER": "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000001/v2.0",
                "CONNECTION_SUBJECT": "/eid1/c/pub/t/AAAA/a/AAAA/sc/1/2",
                "MSP_TOKEN": _token(entra, ""),
            },
        )
        for tenant in (one, two, three):
            _forget_application(folder, tenant)

        guide.run("register() {")
        guide.run("AzureADMultipleOrgs")
        guide.run("federate() {")
        guide.run("ARM_CLIENT_SECRET=$(graph POST")
        link = guide.run("adminconsent", CUSTOMER_TENANT=one.organisation.tenant_id).strip()
        agreed = entra.get(link, follow_redirects=False)
        guide.run('\nconsent "$ARM_CLIENT_ID"', CUSTOMER_TOKEN=_token(entra, two.organisation.tenant_id))
        guide.run("AzureADMyOrg", CUSTOMER_TOKEN=_token(entra, three.organisation.tenant_id), TENANT=three.name)
        (folder / "credentials" / f"{two.name}.env").unlink()
        guide.run(
            "service-account-user",
            KZERO=sandbox.urls.kzero,
            REALM=two.credentials.realm,
            KZERO_CLIENT_ID="kzero-scim-guide",
            TENANT=two.name,
            KZERO_ADMIN=two.credentials.admin_username,
            KZERO_ADMIN_PASSWORD=two.credentials.admin_password,
        )
        _console(folder, two)
        job = {"subject": "project_path:contoso/tenants:ref_type:branch:ref:main", "issuer": GITLAB}
        project = CliProject(
            folder,
            sandbox.process.environment()
            | _exports(folder / "env")
            | {
                "PATH": search_path(),
                "VIRTUAL_ENV": sys.prefix,
                "HOME": os.environ["HOME"],
                "COLUMNS": "400",
                "PULUMI_BACKEND_URL": tmp_path.as_uri(),
                "PULUMI_HOME": str(tmp_path / "pulumi"),
                "AZUREAD_STANDIN_POLL_SECONDS": "0",
                "ARM_CLIENT_ID": guide["ARM_CLIENT_ID"],
                "ARM_USE_OIDC": "true",
                "ARM_USE_CLI": "false",
                "ARM_OIDC_TOKEN": entra.post("/sandbox/oidc-token", json=job).json()["value"],
                "ARM_CLIENT_SECRET__TENANT_002": guide["ARM_CLIENT_SECRET"],
                "ARM_CLIENT_SECRET": "",
            },
        )
        install_azuread(tmp_path / "pulumi")

        listed = project.kzero_scim("fleet", "list", "--credentials", "--json").succeeded()
        previewed = project.kzero_scim("fleet", "preview", "--parallel", "1")
        token = {"CUSTOMER_TOKEN": _token(entra, two.organisation.tenant_id)}
        guide.run("graph DELETE", **token)
        left = project.kzero_scim("fleet", "preview", two.name)

    assert agreed.status_code == 302
    assert "admin_consent=True" in agreed.headers["location"]
    assert [check["entra"].rpartition(" with ")[2] for check in json.loads(listed.stdout)] == [
        "an id token",
        "a client secret",
        "a client secret",
    ]
    logs = "".join(file.read_text() for file in (folder / ".kzero-scim" / "logs").iterdir())
    assert previewed.code == 2, previewed.text + logs
    runs = json.loads((folder / ".kzero-scim" / "runs" / "preview.json").read_text())
    assert "AADSTS7000229" in runs["results"][0]["error"], left.text
    assert guide.left == []


def _token(entra: Any, tenant: str) -> str:  # noqa: ANN401 - the sandbox's client
    """Return the token that `az account get-access-token` prints for a tenant's administrator."""
    path = f"/sandbox/of/{tenant}/token" if tenant else "/sandbox/token"
    return str(entra.post(path).raise_for_status().json()["access_token"])


def _forget_application(folder: Path, tenant: FleetTenant) -> None:
    file = folder / "credentials" / f"{tenant.name}.env"
    kept = [line for line in file.read_text().splitlines() if not line.startswith("ARM_")]
    file.write_text("".join(f"{line}\n" for line in kept))


def _console(folder: Path, tenant: FleetTenant) -> None:
    """Configure that a person enables the tenant's endpoint, so that the client needs no role for its settings."""
    file = folder / "stacks" / f"Pulumi.{tenant.name}.yaml"
    document = yaml.safe_load(file.read_text())
    document["config"] |= {"kzero-scim:activation": "console"}
    del document["config"]["kzero-scim:activationPreset"]
    file.write_text(yaml.safe_dump(document))


def _exports(file: Path) -> dict[str, str]:
    pairs = (line.removeprefix("export ").partition("=") for line in file.read_text().splitlines() if "=" in line)
    return {name: value.strip("'") for name, _, value in pairs}
