"""The life of one tenant with an operator's commands: preview, up, check, drift, repair, destroy."""

from __future__ import annotations

import json
from pathlib import Path

from kzero_sandbox.running import RunningSandbox, Tenant

from faults.leaks import leaks
from tests.e2e.cli_project import CliProject


def test_one_tenant_from_preview_to_destroy(sandbox: RunningSandbox, tenant: Tenant, project: CliProject) -> None:
    """Each command does its work on both sides, and no secret is left anywhere."""
    # A preview shows what would be created, warns, and creates nothing.
    preview = project.preview().succeeded()
    assert "+ 19 to create" in preview.text
    preview.line_with("Entra will send a token that it issues itself, which Microsoft recommends for testing only")
    assert tenant.entra.get("/sandbox/state").json()["applications"] == 0

    # The first up completes the guide's steps, and the check passes all seven points.
    project.up().succeeded()
    assert tenant.user("alex@contoso.example") is not None
    checked = json.loads(project.kzero_scim("check", "test", "--json").succeeded().stdout)
    assert (checked["passed"], [item["passed"] for item in checked["checklist"]]) == (True, [True] * 7)
    project.kzero_scim("doctor", "test").succeeded()
    assert [item["passed"] for item in project.outputs()["checklist"]] == [True] * 7

    # A second up finds no changes.
    project.up("--expect-no-changes").succeeded()

    # A mapper is changed in KZero's Advanced Console, and both commands name the property.
    _change_mapper(tenant, "status", {"jsonType.label": "String"})
    drifted = project.kzero_scim("check", "test").failed()
    assert drifted.code == 2
    drifted.line_with("6 of 7 passed")
    drifted.line_with("differs from the stack: mappers.status.claimJsonType")
    shown = project.preview("--refresh", "--expect-no-changes").failed()
    shown.line_with('claimJsonType: "String" => "boolean"')

    # An up with a refresh repairs only that.
    project.up("--refresh").succeeded()
    assert _mapper(tenant, "status")["config"]["jsonType.label"] == "boolean"
    project.kzero_scim("check", "test").succeeded()

    # Destroy removes the application from Entra and disables the endpoint.
    project.destroy().succeeded()
    assert tenant.entra.get("/sandbox/state").json()["applications"] == 0
    assert tenant.keycloak_admin.get("").json()["attributes"]["kzero.scim.enabled"] == "false"
    assert tenant.scim_client().get("protocolMappers", []) == []

    assert _where_secrets_are(tenant, project, sandbox.process.logs) == []


def test_a_secret_setting_is_nowhere_in_clear_text(tenant: Tenant, project: CliProject) -> None:
    """A token that is set with --secret reaches Entra, but appears in no state, output or log."""
    token = "token-made-up-to-be-searched-for"
    project.pulumi("config", "set", "--secret", "kzero-scim:secretToken", token).succeeded()
    project.outcomes.clear()
    # Entra sends the token, but an endpoint with the profile Azure does not accept it, so the connection test fails.
    outcome = project.up().failed()

    outcome.line_with("connection test of job")
    [job] = tenant.entra.get("/sandbox/jobs").json()
    kept = tenant.entra.get(f"/sandbox/secrets/{job['servicePrincipalId']}").json()
    assert token in json.dumps(kept)
    assert leaks({"the secret token": token}, {outcome.command: outcome.text}, project.written()) == []


def _mapper(tenant: Tenant, name: str) -> dict[str, dict[str, str]]:
    [found] = [mapper for mapper in tenant.scim_client()["protocolMappers"] if mapper["name"] == name]
    mapper: dict[str, dict[str, str]] = found
    return mapper


def _change_mapper(tenant: Tenant, name: str, config: dict[str, str]) -> None:
    mapper = _mapper(tenant, name)
    path = f"/clients/{tenant.scim_client()['id']}/protocol-mappers/models/{mapper['id']}"
    changed = mapper | {"config": mapper["config"] | config}
    tenant.keycloak_admin.put(path, json=changed).raise_for_status()


def _where_secrets_are(tenant: Tenant, project: CliProject, logs: Path) -> list[str]:
    """Return the secrets of the environment that appear in the output, the stack's files or the sandbox's logs."""
    names = ("ARM_CLIENT_SECRET", "KZERO_CLIENT_SECRET", "PULUMI_CONFIG_PASSPHRASE")
    places = {f"{number} {outcome.command}": outcome.text for number, outcome in enumerate(project.outcomes)}
    files = [*project.written(), *(path for path in logs.rglob("*") if path.is_file())]
    assert any(path.is_relative_to(project.folder / "state") for path in files)
    return leaks({name: tenant.env[name] for name in names}, places, files)
