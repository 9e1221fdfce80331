"""Tests of surveying a tenant that was set up by hand."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio
from kzero_sandbox.manual_setup import HandMade, Variant, make_by_hand
from kzero_sandbox.running import Tenant

from kzero_scim.errors import AdoptionError, GraphError
from kzero_scim.provider.entra.synchronization_job.resource import SynchronizationJob
from kzero_scim.provider.services import Services
from kzero_scim.resource.model import Failure
from kzero_scim.settings.provider_config import Config, complete
from kzero_scim.settings.tenant_settings import TenantSettings
from kzero_scim.tenant.adopt.candidates import find, find_named
from kzero_scim.tenant.adopt.survey import Survey, survey

Look = Callable[..., Awaitable[Survey]]
OTHER_ROLE = "msiam_access"


@pytest_asyncio.fixture
async def services(tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Services]:
    """Both sides of the tenant, signed in as its automation."""
    monkeypatch.setenv("SSL_CERT_FILE", tenant.env["SSL_CERT_FILE"])
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", tenant.env["REQUESTS_CA_BUNDLE"])
    both = Services(complete(Config(), tenant.env))
    yield both
    await both.aclose()


@pytest.fixture
def look(tenant: Tenant, services: Services) -> Look:
    """Survey one application of the tenant."""

    async def survey_of(made: HandMade, **given: Any) -> Survey:  # noqa: ANN401 - settings
        draft = _draft(tenant)
        candidate = await find_named(services.graph, made.service_principal_id, draft.tenant_url)
        return await survey(services, draft, candidate, given=given)

    return survey_of


async def test_an_application_is_found_by_every_name_it_has(tenant: Tenant, services: Services) -> None:
    """An application is found by each of its three IDs and its name."""
    [made] = make_by_hand(tenant, Variant.COMPLETE)
    url = tenant.scim_url

    for name in (made.application_id, made.application_object_id, made.service_principal_id, made.name):
        assert (await find_named(services.graph, name, url)).service_principal_id == made.service_principal_id
    with pytest.raises(AdoptionError, match='no enterprise application is called "Payroll"'):
        await find_named(services.graph, "Payroll", url)


async def test_applications_without_job_and_name_are_no_candidates(tenant: Tenant, services: Services) -> None:
    """Applications from the same template without a job and KZero's name are no candidates."""
    [made] = make_by_hand(tenant, Variant.COMPLETE)
    _graph(tenant, "POST", f"/applicationTemplates/{_TEMPLATE}/instantiate", {"displayName": "Payroll"})

    found, skipped = await find(services.graph, tenant.scim_url)

    assert [item.service_principal_id for item in found] == [made.service_principal_id]
    assert skipped == 0


async def test_applications_that_may_not_be_read_are_skipped_and_counted(tenant: Tenant, services: Services) -> None:
    """An application that the account may not read does not end the search."""
    [made] = make_by_hand(tenant, Variant.COMPLETE)
    other = _graph(tenant, "POST", f"/applicationTemplates/{_TEMPLATE}/instantiate", {"displayName": "KZero two"})
    principal = other["servicePrincipal"]["id"]
    fault = {"path": f"{principal}/synchronization/(jobs|secrets)$", "status": 403, "times": None}
    tenant.entra.post("/sandbox/faults", json=fault).raise_for_status()

    found, skipped = await find(services.graph, tenant.scim_url)

    assert [item.service_principal_id for item in found] == [made.service_principal_id]
    assert skipped == 1
    with pytest.raises(GraphError, match="403"):
        await find_named(services.graph, principal, tenant.scim_url)


async def test_what_cannot_be_taken_over_is_left_out_and_named(
    tenant: Tenant, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An existing object whose settings are refused is not among the adopted ones, and the survey says why."""
    [made] = make_by_hand(tenant, Variant.COMPLETE)

    async def refuse(_: object, __: object, new: object, ___: object) -> tuple[object, list[Failure]]:
        return new, [Failure("templateId", "is refused")]

    monkeypatch.setattr(SynchronizationJob, "check", refuse)

    found = await look(made)

    assert found.left_out == {"provisioning job": "templateId is refused"}
    assert SynchronizationJob.token not in found.existing


async def test_a_remark_about_skipped_applications_is_shown(tenant: Tenant, look: Look) -> None:
    """The survey's line about the application has the remark."""
    [made] = make_by_hand(tenant, Variant.COMPLETE)
    found = (await look(made)).noting("skipped 2 applications that the account may not read")

    [line] = [line for line in found.lines if line.what == "application"]
    assert line.remark.endswith("; skipped 2 applications that the account may not read")
    assert found.left_out == {}


async def test_the_role_that_most_have_is_the_tenants(tenant: Tenant, look: Look) -> None:
    """The most frequent role is managed; assignments with other roles are listed as not managed."""
    [made] = make_by_hand(tenant, Variant.HALF)
    principal = f"/servicePrincipals/{made.service_principal_id}"
    roles = {role["displayName"]: role["id"] for role in _graph(tenant, "GET", principal)["appRoles"]}
    for user in tenant.entra.post("/sandbox/users", json={"count": 4}).json():
        body = {"principalId": user["id"], "resourceId": made.service_principal_id, "appRoleId": roles[OTHER_ROLE]}
        _graph(tenant, "POST", f"{principal}/appRoleAssignedTo", body)

    found = await look(made)

    assert (found.settings.app_role, len(found.settings.users), found.settings.groups) == (OTHER_ROLE, 4, [])
    [line] = [line for line in found.lines if line.what == "assignments"]
    assert "not managed, with another role: Alex Lindqvist, KZero users, Morgan Reyes" in line.remark


async def test_an_old_job_keeps_its_template(tenant: Tenant, look: Look) -> None:
    """A job of template customappsso keeps it and is not replaced."""
    [made] = make_by_hand(tenant, Variant.HALF)
    jobs = f"/servicePrincipals/{made.service_principal_id}/synchronization/jobs"
    _graph(tenant, "DELETE", f"{jobs}/{made.job_id}")
    _graph(tenant, "POST", jobs, {"templateId": "customappsso"})

    found = await look(made)

    assert found.settings.job_template == "customappsso"
    assert found.existing["kzero:entra:SynchronizationJob"].inputs.template_id == "customappsso"


async def test_an_application_without_a_job_is_described_without_one(tenant: Tenant, look: Look) -> None:
    """An application without a job can be described, and an update creates the job."""
    [made] = make_by_hand(tenant, Variant.HALF)
    _graph(tenant, "DELETE", f"/servicePrincipals/{made.service_principal_id}/synchronization/jobs/{made.job_id}")

    found = await look(made)

    assert sorted(found.existing) == [
        "kzero:entra:AppRoleAssignments",
        "kzero:keycloak:MapperSet",
        "kzero:keycloak:ScimEndpoint",
    ]
    assert found.settings.provisioning is True


async def test_nobody_assigned_must_be_said(tenant: Tenant, look: Look) -> None:
    """Without assignments, the operator must give users or groups."""
    [made] = make_by_hand(tenant, Variant.HALF)
    assigned = f"/servicePrincipals/{made.service_principal_id}/appRoleAssignedTo"
    for item in _graph(tenant, "GET", assigned)["value"]:
        _graph(tenant, "DELETE", f"{assigned}/{item['id']}")

    with pytest.raises(AdoptionError, match=r"has no assigned users or groups; .* with --user or --group"):
        await look(made)
    assert (await look(made, groups=["KZero users"])).settings.groups == ["KZero users"]


async def test_credentials_that_do_not_work_are_not_taken_for_right(tenant: Tenant, look: Look) -> None:
    """Hidden credentials are kept only if Entra's connection test passes; else an update writes them."""
    [made] = make_by_hand(tenant, Variant.COMPLETE)
    pair = {"key": "BaseAddress", "value": tenant.scim_url.replace(tenant.realm, "Elsewhere")}
    secrets = f"/servicePrincipals/{made.service_principal_id}/synchronization/secrets"
    _graph(tenant, "PUT", secrets, {"value": [pair]})

    found = await look(made)

    assert "kzero:entra:SynchronizationCredentials" not in found.existing
    [line] = [line for line in found.lines if line.what == "credentials"]
    assert line.remark == "Entra's connection test fails with them; the next update writes them"


async def test_an_endpoint_that_is_off_is_named(tenant: Tenant, look: Look) -> None:
    """The settings of a disabled endpoint are unknown, so an update writes them and enables it."""
    [made] = make_by_hand(tenant, Variant.HALF)
    tenant.set_realm_attributes(kzero__scim__enabled="false")

    found = await look(made)

    [line] = [line for line in found.lines if line.what == "SCIM endpoint"]
    assert (line.found, line.remark) == (
        "off, profile Azure",
        "its settings are incomplete; the next update writes them",
    )
    assert "kzero:keycloak:ScimEndpoint" not in found.existing
    assert found.settings.activation_preset == "sandbox"


def test_a_hand_made_tenant_provisions(tenant: Tenant) -> None:
    """A tenant that was set up by hand provisions users."""
    make_by_hand(tenant, Variant.COMPLETE)

    [execution] = tenant.entra.post("/sandbox/cycle").raise_for_status().json()["cycles"].values()

    assert execution["state"] == "Succeeded", execution
    assert tenant.user("alex@contoso.example") is not None


_TEMPLATE = "8adf8e6e-67b2-4cf2-a259-e3dc5476c621"


def _draft(tenant: Tenant) -> TenantSettings:
    values = {
        "azuread:tenantId": tenant.env["ARM_TENANT_ID"],
        "kzero-scim:kzeroTenant": tenant.realm,
        "kzero-scim:kzeroServerUrl": tenant.env["KZERO_SERVER_URL"],
        "kzero-scim:scope": "all",
    }
    return TenantSettings.parse(values)


def _graph(tenant: Tenant, method: str, path: str, body: object = None) -> dict[str, Any]:
    token = tenant.entra.post("/sandbox/token").raise_for_status().json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    answer: httpx.Response = tenant.entra.request(method, f"/v1.0{path}", json=body, headers=headers)
    document: dict[str, Any] = answer.raise_for_status().json() if answer.content else {}
    return document
