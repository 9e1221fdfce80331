"""The stack of one tenant from the first ``up`` to ``destroy``: real engine, real Keycloak, local Entra."""

from typing import Final

import pulumi
import pytest
from kzero_components.tenant_provisioning import TenantProvisioning

from kzero_scim.guide.checklist import ITEMS
from kzero_scim.settings.tenant_settings import TenantSettings
from tests.engine.attach import RunFailedError
from tests.engine.tenant_program import TenantStack

PARENTS: Final = {
    "components:ScimEndpoint": "components:TenantProvisioning",
    "components:EnterpriseApp": "components:TenantProvisioning",
    "components:UserAssignments": "components:TenantProvisioning",
    "components:ProvisioningJob": "components:TenantProvisioning",
    "ScimEndpoint": "components:ScimEndpoint",
    "MapperSet": "components:ScimEndpoint",
    "ApplicationFromTemplate": "components:EnterpriseApp",
    "ServicePrincipal": "components:EnterpriseApp",
    "AppRoleAssignments": "components:UserAssignments",
    "ProvisionedUsers": "components:TenantProvisioning",
    "SynchronizationJob": "components:ProvisioningJob",
    "SynchronizationCredentials": "components:ProvisioningJob",
    "AttributeMappings": "components:ProvisioningJob",
    "ConnectionTest": "components:ProvisioningJob",
    "ProvisioningStatus": "components:ProvisioningJob",
    "OnDemandProvisioning": "components:TenantProvisioning",
}


def test_the_first_up_sets_up_both_sides_and_passes_the_checklist(tenant_stack: TenantStack) -> None:
    """Every resource is created below its component, the guide's seven points pass, and both sides have outputs."""
    planned = tenant_stack.stack.preview()
    assert tenant_stack.tenant.entra.get("/sandbox/state").json()["applications"] == 0
    assert tenant_stack.mappers() == {}

    made = tenant_stack.up()

    everything = {*PARENTS, "components:TenantProvisioning"}
    assert {kind: step.op for kind, step in planned.changes.items()} == dict.fromkeys(everything, "create")
    assert {kind: step.op for kind, step in made.changes.items()} == dict.fromkeys(everything, "create")
    state = tenant_stack.stack.state()
    kinds = {item["urn"]: kind for kind, item in state.items()}
    assert {kind: kinds[state[kind]["parent"]] for kind in PARENTS} == PARENTS

    outputs = tenant_stack.stack.outputs()
    assert [entry["item"] for entry in outputs["checklist"]] == list(ITEMS)
    assert [entry for entry in outputs["checklist"] if not entry["passed"]] == []
    assert all(entry["evidence"] for entry in outputs["checklist"])
    principal = tenant_stack.graph("GET", "").json()
    (job,) = tenant_stack.graph("GET", "/synchronization/jobs").json()["value"]
    assert outputs["tenantUrl"] == tenant_stack.tenant.scim_url
    assert outputs["servicePrincipalId"] == principal["id"]
    assert outputs["applicationId"] == principal["appId"]
    assert outputs["jobId"] == job["id"]
    assert outputs["provisioning"]["state"] == job["schedule"]["state"] == "Active"
    assert outputs["provisioning"]["quarantine"] is None
    pages = outputs["portalUrls"]
    assert set(pages) == {"application", "usersAndGroups", "provisioning", "kzeroDashboard", "kzeroAdvancedConsole"}
    assert principal["id"] in pages["provisioning"]
    assert tenant_stack.tenant.realm in pages["kzeroAdvancedConsole"]
    assert len(tenant_stack.mappers()) == 7
    assert set(tenant_stack.assignments()) == {"Alex Lindqvist", "KZero users"}


def test_a_second_up_changes_nothing_and_sends_few_requests(running: TenantStack) -> None:
    """Preview and ``up`` find no changes, and ask KZero nothing and Entra only for the lock-out guard."""
    for emulator in (running.tenant.entra, running.tenant.kzero):
        emulator.delete("/sandbox/requests").raise_for_status()

    preview = running.stack.preview(expect_no_changes=True)
    asked = running.tenant.entra.get("/sandbox/requests").json()
    again = running.up()

    assert preview.changes == again.changes == {}
    assert set(again.summary) == {"same"}
    assert running.tenant.kzero.get("/sandbox/requests").json() == []
    graph = [request["path"] for request in asked if request["path"].startswith(("/v1.0/", "/beta/"))]
    (guard,) = [path for path in graph if path.startswith("/v1.0/directoryRoles")]
    # The other requests are azuread's read of the application.
    assert [path for path in graph if path != guard and path.split("/")[2] != "applications"] == []
    assert {request["method"] for request in asked if request["path"] in graph} == {"GET"}


def test_destroy_removes_application_and_mappers_and_disables_the_endpoint(running: TenantStack) -> None:
    """Destroy reverts everything on both sides, and the endpoint answers as a disabled one."""
    principal = running.service_principal
    assert running.endpoint_status() == 401

    running.stack.destroy()

    entra = running.tenant.entra
    assert entra.get(f"/v1.0/servicePrincipals/{principal}").status_code == 404
    state = entra.get("/sandbox/state").json()
    assert (state["applications"], state["assignments"], state["jobs"]) == (0, 0, [])
    assert running.endpoint_status() == 404
    assert running.mappers() == {}
    assert running.stack.state() == {}


def test_a_protected_application_is_not_destroyed(tenant_stack: TenantStack) -> None:
    """With the setting ``protect``, destroy fails before anything is removed on either side."""
    tenant_stack.up(protect=True)

    with pytest.raises(RunFailedError) as refused:
        tenant_stack.stack.destroy()

    assert "protect" in refused.value.run.output
    assert tenant_stack.graph("GET", "").json()["displayName"] == "KZero Passwordless SCIM"
    assert tenant_stack.endpoint_status() == 401
    assert len(tenant_stack.mappers()) == 7


def test_a_component_can_be_renamed_with_an_alias(running: TenantStack) -> None:
    """With an alias, the tenant's component can be renamed without changes to its resources."""

    def renamed() -> None:
        options = pulumi.ResourceOptions(aliases=[pulumi.Alias(name="tenant")])
        TenantProvisioning("customer", settings=TenantSettings.from_config(), opts=options)

    running.stack.program = renamed

    assert running.stack.preview().changes == {}
    assert running.up().changes == {}
    names = {item["urn"].rsplit("::", 1)[-1] for item in running.stack.state().values()}
    assert names == {"customer", "customer-users-stay-as-they-are"}
    assert running.drift() == {}


def test_a_property_under_ignore_changes_is_not_managed(running: TenantStack) -> None:
    """A property under ``ignoreChanges`` is neither shown nor repaired, but the resource's other properties are.

    Resources that depend on it, for example the test user's, use the actual value.
    """
    ignored = {
        "kzero:keycloak:MapperSet": ["mappers.status.claimJsonType"],
        "kzero:entra:AttributeMappings": ['rows["name.givenName"].source'],
    }

    def leave(found: pulumi.ResourceTransformationArgs) -> pulumi.ResourceTransformationResult:
        options = pulumi.ResourceOptions(ignore_changes=ignored.get(found.type_))
        return pulumi.ResourceTransformationResult(found.props, pulumi.ResourceOptions.merge(found.opts, options))

    def program() -> None:
        options = pulumi.ResourceOptions(transformations=[leave])
        TenantProvisioning("tenant", settings=TenantSettings.from_config(), opts=options)

    running.stack.program = program
    running.change_mapper("status", jsonType__label="String")
    running.change_mapper("email", jsonType__label="JSON")
    running.change_row("name.givenName", source="city")

    drift = running.drift()
    running.stack.up(refresh=True)

    assert drift["MapperSet"] == {"mappers.email.claimJsonType": ("JSON", "String")}
    assert "AttributeMappings" not in drift
    assert running.drift() == {}
    kept = running.mappers()
    assert kept["status"]["config"]["jsonType.label"] == "String"
    assert kept["email"]["config"]["jsonType.label"] == "String"
    assert running.row_sources()["name.givenName"] == "city"
