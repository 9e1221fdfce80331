"""The state can be stored in a real PostgreSQL server, over TLS. Every other test stores it in files."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path

import pytest
from kzero_sandbox.fleet import fleet
from kzero_sandbox.layout import PASSPHRASE
from kzero_sandbox.organisation import PARTNER
from kzero_sandbox.running import RunningSandbox
from kzero_sandbox.serving import Certificates

from faults.leaks import leaks
from tests.e2e.cli_project import CliProject, install_azuread, search_path
from tests.e2e.postgresql_server import postgresql
from tools import postgresql as programs
from tools.problem import Problem

STATE = "postgres/.pulumi/stacks/kzero-scim/tenant-001.json"
"""The state's key, which starts with the database's name."""
PASSWORD = "the-database's-own-password"
TRUST = ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NO_PROXY", "no_proxy", "PULUMI_SKIP_UPDATE_CHECK")


def test_a_tenant_works_with_its_state_in_postgresql(sandbox: RunningSandbox, tmp_path: Path) -> None:
    """Up, preview and drift use only the database, which contains no secret in clear."""
    try:
        folder = programs.find()
    except Problem as problem:
        (pytest.fail if os.environ.get("CI") else pytest.skip)(str(problem))
    layout = sandbox.layout
    certificates = Certificates(
        ca_file=layout.ca_file,
        certificate_file=layout.directory / "server.pem",
        key_file=layout.directory / "server-key.pem",
    )
    install_azuread(tmp_path / "pulumi")
    with (
        fleet(sandbox, 1, tmp_path / "fleet") as [tenant],
        postgresql(folder, certificates, PASSWORD) as server,
    ):
        environment = {name: sandbox.process.environment()[name] for name in TRUST} | {
            "PATH": search_path(),
            "HOME": str(tmp_path),
            "COLUMNS": "300",
            "ARM_CLIENT_ID": PARTNER.client_id,
            "ARM_CLIENT_SECRET": PARTNER.secret,
            "ARM_USE_CLI": "false",
            "PULUMI_BACKEND_URL": server.url,
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_HOME": str(tmp_path / "pulumi"),
            "AZUREAD_STANDIN_POLL_SECONDS": "0",
            **server.environment,
        }
        project = CliProject(tmp_path / "fleet", environment)

        up = project.kzero_scim("fleet", "up", "--yes").succeeded()
        preview = project.kzero_scim("fleet", "preview").succeeded()
        drift = project.kzero_scim("fleet", "drift").succeeded()
        # Pulumi stores values in Base64, in which a search would not find a secret.
        rows = server.ask("SELECT key || ' ' || (data ->> 'data') FROM pulumi_state").splitlines()
        kept = {key: base64.b64decode(text).decode() for key, _, text in (row.partition(" ") for row in rows)}

        assert "set up for the first time" in up.text
        assert "1 unchanged" in preview.text
        assert "1 unchanged" in drift.text
        resources = json.loads(kept[STATE])["checkpoint"]["latest"]["resources"]
        assert "MapperSet" in {resource["type"].rpartition(":")[2] for resource in resources}
        secrets = {
            "passphrase": PASSPHRASE,
            "database": PASSWORD,
            "KZero": tenant.credentials.client_secret,
            "Entra": PARTNER.secret,
        }
        printed = {outcome.command: outcome.text for outcome in project.outcomes}
        assert leaks(secrets, {**kept, **printed}, (tmp_path / "fleet" / ".kzero-scim").rglob("*.*")) == []
        assert not any(tmp_path.rglob("kzero-scim/tenant-001.json*"))
