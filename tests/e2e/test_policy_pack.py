"""Under a real engine, the policy pack stops a risky preview and accepts a tenant with all guards."""

from __future__ import annotations

import json

import pytest
from kzero_sandbox.running import Tenant

from tests.e2e.cli_project import CHECKOUT, CliProject
from tools import python_env

PACK = str(CHECKOUT / "policy" / "kzero-scim-policies")


def test_a_tenant_without_its_guards_is_stopped(tenant: Tenant, project: CliProject) -> None:
    """All five policies report their setting and nothing is created; with all guards, the same tenant passes."""
    if not (python_env.POLICY_VENV / "bin" / "python").exists():
        pytest.fail("policy/.venv is missing; run `make setup`")
    project.settings({"scope": "all", "deletionThreshold": 0, "notificationEmail": None})
    as_person = {
        "KZERO_USERNAME": tenant.credentials.admin_username,
        "KZERO_PASSWORD": tenant.credentials.admin_password,
        "KZERO_CLIENT_ID": "",
        "KZERO_CLIENT_SECRET": "",
    }
    production = project.folder / "policies.json"
    production.write_text(json.dumps({"secret-token": {"notProduction": ["lab-*"]}}))
    options = ("--policy-pack", PACK, "--policy-pack-config", str(production))

    refused = project.pulumi("preview", *options, env=as_person).failed()

    for policy in ("no-whole-directory", "notification-email", "deletion-threshold", "secret-token"):
        refused.line_with(f"[mandatory]  {policy}  (kzero:entra:SynchronizationCredentials: tenant)")
    refused.line_with("[mandatory]  no-wildcard-admin-credentials  (pulumi:providers:kzero: kzero)")
    refused.line_with("set kzero-scim:notificationEmail")
    assert tenant.entra.get("/sandbox/state").json()["jobs"] == []

    # The stack's name is test, which the pack's default patterns exclude from production.
    project.settings({"scope": "assigned", "deletionThreshold": 25, "notificationEmail": "it@contoso.example"})
    passed = project.pulumi("preview", "--policy-pack", PACK).succeeded()

    passed.line_with("✅ kzero-scim@v0.1.0 (local: ")
