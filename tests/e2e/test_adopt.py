"""A tenant that was set up by hand is adopted, used and released with an operator's commands."""

from __future__ import annotations

import json
from typing import Any

import yaml
from kzero_sandbox.manual_setup import MAPPERS, OTHER_NAME, TAG, HandMade, Variant, make_by_hand
from kzero_sandbox.running import Tenant

from tests.e2e.both_sides import both_sides
from tests.e2e.cli_project import CliProject
from tests.e2e.permissions import LEAST_PERMISSIONS, grant


def test_a_complete_tenant_is_adopted_used_and_released(tenant: Tenant, empty_project: CliProject) -> None:
    """After adoption, only tests remain to run, a second adoption does nothing, and destroy restores both sides."""
    [made] = make_by_hand(tenant, Variant.COMPLETE)
    before = _everything(tenant, made)

    adopted = empty_project.kzero_scim("adopt", "test", "--yes").succeeded()

    assert _everything(tenant, made) == before
    adopted.line_with("Adopted test: ")
    assert _settings(empty_project) == {
        "azuread:tenantId": tenant.env["ARM_TENANT_ID"],
        "kzero-scim:kzeroTenant": tenant.realm,
        "kzero-scim:kzeroServerUrl": tenant.env["KZERO_SERVER_URL"],
        "kzero-scim:activation": "attributes",
        "kzero-scim:activationPreset": "sandbox",
        "kzero-scim:users": ["alex@contoso.example", "morgan@contoso.example"],
        "kzero-scim:groups": ["KZero users"],
        # Graph does not return the notification address and the deletion threshold, so they keep their values.
        "kzero-scim:deletionThreshold": "0",
        "kzero-scim:adopted": "true",
    }
    assert _steps(empty_project) == {"ProvisionedUsers": ("create", set()), "ConnectionTest": ("create", set())}

    again = empty_project.kzero_scim("adopt", "test", "--yes").succeeded()
    again.line_with("test is already adopted. Nothing was changed.")

    assert json.loads(empty_project.kzero_scim("drift", "test", "--json").succeeded().stdout)["differences"] == []

    # From here on, it is a tenant like any other.
    empty_project.up().succeeded()
    assert _everything(tenant, made) == before
    empty_project.up("--refresh", "--expect-no-changes").succeeded()

    empty_project.destroy().succeeded()
    assert _everything(tenant, made) == before


def test_an_incomplete_tenant_is_adopted_and_completed(tenant: Tenant, empty_project: CliProject) -> None:
    """The preview adds the missing parts and removes or replaces nothing, and an update completes the guide's steps."""
    [made] = make_by_hand(tenant, Variant.HALF)

    found = json.loads(empty_project.kzero_scim("adopt", "test", "--yes", "--json").succeeded().stdout)

    differences = {item["resource"]: (item["op"], set(item["properties"])) for item in found["differences"]}
    assert differences == {
        "MapperSet": (
            "update",
            {f"+ mappers.{name}" for name in MAPPERS if name not in {"status", "loginName", "email"}},
        ),
        "ProvisionedUsers": ("create", set()),
        "SynchronizationCredentials": ("create", set()),
        "AttributeMappings": ("update", {f'+ rows["{TAG}"]', "+ customAttributes[0]"}),
        "ConnectionTest": ("create", set()),
    }
    assert _settings(empty_project)["kzero-scim:provisioning"] == "false"
    empty_project.up().succeeded()
    assert {mapper["name"] for mapper in tenant.scim_client()["protocolMappers"]} == set(MAPPERS)
    [job] = tenant.entra.get("/sandbox/jobs").json()
    assert (job["id"], job["schedule"]["state"]) == (made.job_id, "Disabled")

    empty_project.settings({"provisioning": True})
    empty_project.up().succeeded()
    tenant.entra.post("/sandbox/cycle").raise_for_status()
    assert tenant.user("sam@contoso.example") is not None


def test_settings_beyond_the_guide_are_kept(tenant: Tenant, empty_project: CliProject) -> None:
    """Changed mappers and rows become settings, further ones stay unmanaged, and an update removes none of them."""
    [made] = make_by_hand(tenant, Variant.EXTRA)
    before = _everything(tenant, made)

    empty_project.kzero_scim("adopt", "test", "--yes", "--test-user", "alex@contoso.example").succeeded()

    settings = _settings(empty_project)
    assert settings["kzero-scim:applicationName"] == OTHER_NAME
    assert settings["kzero-scim:mappers"]["firstName"]["userAttribute"] == "firstName"
    assert "department" not in settings["kzero-scim:mappers"]
    assert {"target": TAG, "source": "extensionAttribute2"} in settings["kzero-scim:attributeMappings"]
    assert len(settings["kzero-scim:attributeMappings"]) == 7
    # Two groups have the name Duplicates, so this one is identified by its id.
    assert len(settings["kzero-scim:groups"]) == 2
    assert {kind: op for kind, (op, _) in _steps(empty_project).items()} == {
        "ProvisionedUsers": "create",
        "ConnectionTest": "create",
        "OnDemandProvisioning": "create",
    }
    empty_project.up().succeeded()
    after = _everything(tenant, made)
    assert after | {"both sides": None} == before | {"both sides": None}
    assert after["both sides"]["mappers"] == before["both sides"]["mappers"]

    # Once the stack owns the tenant, destroy removes what it manages and nothing else. That needs a permission for
    # applications that the automation does not own.
    grant(tenant, *LEAST_PERMISSIONS, "Application.ReadWrite.All")
    empty_project.settings({"adopted": None})
    empty_project.up().succeeded()
    empty_project.destroy().succeeded()
    assert both_sides(tenant)["Entra"]["applications"] == 0
    assert {mapper["name"] for mapper in tenant.scim_client()["protocolMappers"]} == {"department", "source"}


def test_an_adoption_that_fails_leaves_nothing_behind(tenant: Tenant, empty_project: CliProject) -> None:
    """Doubt, missing permissions and an engine failure leave neither stack nor file, and each error says what to do."""
    first, second = make_by_hand(tenant, Variant.TWINS)

    doubtful = empty_project.kzero_scim("adopt", "test", "--yes").failed()
    assert doubtful.code == 1
    line = doubtful.line_with("2 applications may be KZero's; choose one with --application")
    assert f"--application {first.service_principal_id}" in line
    assert f"--application {second.service_principal_id}" in line
    empty_project.kzero_scim("adopt", "test", "--application", second.name).failed().line_with("add --yes")
    chosen = ("adopt", "test", "--yes", "--application", second.name)
    broken = empty_project.kzero_scim(*chosen, env={"ARM_CLIENT_SECRET": "wrong"}).failed()
    broken.line_with("error: ")
    grant(tenant, *LEAST_PERMISSIONS)
    empty_project.kzero_scim(*chosen).failed().line_with("make it an owner of the application")
    grant(tenant, *LEAST_PERMISSIONS, "Synchronization.ReadWrite.All")
    # The engine cannot start azuread.
    halted = empty_project.kzero_scim(
        *chosen, env={"PULUMI_HOME": str(empty_project.folder / "other-home"), **_OFFLINE}
    )
    halted.failed().line_with("the stack and its file were restored")
    assert empty_project.stacks() == []
    assert list((empty_project.folder / "stacks").iterdir()) == []

    empty_project.kzero_scim(*chosen).succeeded()
    assert _settings(empty_project)["kzero-scim:applicationName"] == second.name
    assert both_sides(tenant)["Entra"]["applications"] == 2


_OFFLINE = {"PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true"}


def _settings(project: CliProject) -> dict[str, Any]:
    document = yaml.safe_load((project.folder / "stacks" / "Pulumi.test.yaml").read_text())
    settings: dict[str, Any] = document["config"]
    return settings


def _steps(project: CliProject) -> dict[str, tuple[str, set[str]]]:
    """Return the changes of a preview: operation and properties by resource kind."""
    shown = json.loads(project.pulumi("preview", "--json").succeeded().stdout)
    return {
        step["urn"].split("::")[2].rsplit(":", 1)[-1]: (step["op"], set(step.get("detailedDiff") or {}))
        for step in shown["steps"]
        if step["op"] != "same"
    }


def _everything(tenant: Tenant, made: HandMade) -> dict[str, Any]:
    """Return everything that a person sees of a tenant: both sides, and the complete application."""
    token = tenant.entra.post("/sandbox/token").json()["access_token"]

    def ask(path: str) -> Any:  # noqa: ANN401 - any JSON
        answer = tenant.entra.get(f"/v1.0{path}", headers={"Authorization": f"Bearer {token}"})
        return answer.raise_for_status().json()

    principal = f"/servicePrincipals/{made.service_principal_id}"
    [job] = ask(f"{principal}/synchronization/jobs")["value"]
    return {
        "both sides": both_sides(tenant),
        "application": ask(f"/applications/{made.application_object_id}"),
        "service principal": ask(principal),
        "assignments": ask(f"{principal}/appRoleAssignedTo"),
        "secrets": tenant.entra.get(f"/sandbox/secrets/{made.service_principal_id}").json(),
        "schema": ask(f"{principal}/synchronization/jobs/{job['id']}/schema"),
        "schedule": job["schedule"],
    }
