"""Previews with an application that may only read Entra write nothing, and name the permission that `up` needs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest

from kzero_scim.errors import GraphError, KzeroScimError, MissingRightError
from kzero_scim.mapping.attribute_mapping import guide_rows
from kzero_scim.provider.entra.app_role_assignments.resource import AppRoleAssignments, AppRoleAssignmentsInputs
from kzero_scim.provider.entra.attribute_mappings.model import AttributeMappingsInputs
from kzero_scim.provider.entra.attribute_mappings.resource import AttributeMappings
from kzero_scim.provider.entra.connection_test.resource import ConnectionTest, ConnectionTestInputs
from kzero_scim.provider.entra.on_demand_provisioning.resource import OnDemandProvisioning, OnDemandProvisioningInputs
from kzero_scim.provider.entra.provisioning_status.resource import ProvisioningStatus, ProvisioningStatusInputs
from kzero_scim.provider.entra.synchronization_credentials.model import SynchronizationCredentialsInputs
from kzero_scim.provider.entra.synchronization_credentials.resource import SynchronizationCredentials
from kzero_scim.provider.entra.synchronization_job.resource import SynchronizationJob, SynchronizationJobInputs
from kzero_scim.provider.services import Services
from kzero_scim.provider.write_access import admit
from kzero_scim.resource.model import UNKNOWN, Call
from kzero_scim.settings.items import Row
from tests.contract.local_entra import LocalEntra
from tests.contract.scripted_graph import Lines, call

READ_ONLY = frozenset(
    {"Application.Read.All", "Synchronization.Read.All", "Directory.Read.All", "User.Read.All", "Group.Read.All"}
)
OWNED, ASSIGNING = "Application.ReadWrite.OwnedBy", "AppRoleAssignment.ReadWrite.All"
ALEX = "alex@contoso.example"
TENANT_URL = "https://kzero.example/realms/Contoso/scim/v2"
URN = "urn:pulumi:test::kzero-scim::kzero-scim:components:TenantProvisioning$kzero:keycloak:ScimEndpoint::test"


@dataclass(frozen=True)
class Case:
    """A resource of a tenant, and the permission that changing it needs."""

    resource: Any
    inputs: Any
    permission: str = OWNED


def reader(entra: LocalEntra, *permissions: str) -> Services:
    """Return the services of an application with these permissions, or with those of a preview."""
    seed = entra.organisation.client("powerless")
    entra.emulator.clients[seed.client_id].permissions = set(permissions or READ_ONLY)
    return entra.services("powerless")


async def cases(entra: LocalEntra, services: Services, *, is_new: bool) -> dict[str, Case]:
    """Return each resource that writes to Entra, with inputs for a new tenant or for one that exists."""
    principal: Any = UNKNOWN
    job: Any = UNKNOWN
    if not is_new:
        principal = entra.application()
        wanted = SynchronizationJobInputs(service_principal_id=principal)
        job = (await SynchronizationJob(entra.services()).create(call(), wanted)).state.job_id
    ids = {"service_principal_id": principal, "job_id": job}
    found = {
        "assignments": Case(
            AppRoleAssignments(services),
            AppRoleAssignmentsInputs(service_principal_id=principal, users=[ALEX], groups=["KZero users"]),
            ASSIGNING,
        ),
        "credentials": Case(
            SynchronizationCredentials(services), SynchronizationCredentialsInputs(**ids, tenant_url=TENANT_URL)
        ),
        "mappings": Case(AttributeMappings(services), AttributeMappingsInputs(**ids, rows=guide_rows())),
        "test": Case(ConnectionTest(services), ConnectionTestInputs(**ids)),
        "status": Case(ProvisioningStatus(services), ProvisioningStatusInputs(**ids)),
        "on demand": Case(OnDemandProvisioning(services), OnDemandProvisioningInputs(**ids, user=ALEX)),
    }
    if is_new:
        found["job"] = Case(SynchronizationJob(services), SynchronizationJobInputs(service_principal_id=principal))
    return found


def writes(entra: LocalEntra) -> list[tuple[str, str]]:
    """Return the requests to Graph that are not reads. Reading names in bulk is a POST."""
    reads = ("/$batch", "/getByIds", "/token")
    return [(method, path) for method, path in entra.requests() if method != "GET" and not path.endswith(reads)]


@pytest.mark.parametrize("is_new", [True, False], ids=["a new tenant", "an existing tenant"])
async def test_a_preview_names_the_permission_that_an_update_needs(entra: LocalEntra, is_new: bool) -> None:  # noqa: FBT001 - a parameter
    """Each resource warns once with the permission, its purpose and the remedy, and sends nothing but reads."""
    services = reader(entra)
    for name, case in (await cases(entra, services, is_new=is_new)).items():
        entra.emulator.traffic.log.clear()
        lines = Lines()

        await case.resource.plan(call(lines, preview=True), case.inputs, None)

        warnings = [line for line in lines.warnings if "`pulumi up` needs" in line]
        assert [case.permission in line for line in warnings] == [True], (name, lines.warnings)
        assert "grant it with admin consent to the application that signs in for `pulumi up`" in warnings[0]
        assert writes(entra) == [], name


async def test_an_update_fails_before_it_writes(entra: LocalEntra) -> None:
    """Each resource refuses an update without the permission, and sends nothing but reads."""
    services = reader(entra)
    for name, case in (await cases(entra, services, is_new=False)).items():
        entra.emulator.traffic.log.clear()

        with pytest.raises(MissingRightError, match=case.permission):
            await case.resource.create(call(), case.inputs)

        assert writes(entra) == [], name


async def test_a_new_job_is_refused_before_it_is_created(entra: LocalEntra) -> None:
    """A job is not created without the permission."""
    principal, services = entra.application(), reader(entra)

    with pytest.raises(MissingRightError, match=OWNED):
        await SynchronizationJob(services).create(call(), SynchronizationJobInputs(service_principal_id=principal))

    assert writes(entra) == []


async def test_new_expressions_stay_unknown_in_a_preview(entra: LocalEntra) -> None:
    """Entra parses expressions only for an application that may write. A preview says that it did not check them."""
    services, lines = reader(entra), Lines()
    case = (await cases(entra, services, is_new=False))["mappings"]
    entra.emulator.traffic.log.clear()
    rows = {**guide_rows(), "title": Row(expression='Join(" ", [givenName], "x")')}

    await case.resource.plan(call(lines, preview=True), replace(case.inputs, rows=rows), None)

    assert any("it is unknown whether Entra can parse the new expressions" in line for line in lines.warnings)
    assert writes(entra) == []


async def test_a_missing_permission_to_read_stays_an_error(entra: LocalEntra) -> None:
    """A preview without the permission to read assignments or users fails and names it."""
    principal = entra.application()
    inputs = AppRoleAssignmentsInputs(service_principal_id=principal, users=[ALEX])

    for missing in ("Application.Read.All", "User.Read.All"):
        services = reader(entra, *(READ_ONLY - {missing, "Directory.Read.All"}))
        with pytest.raises(KzeroScimError, match=missing):
            await AppRoleAssignments(services).plan(call(preview=True), inputs, None)


async def test_reading_the_job_names_a_permission_that_only_reads(entra: LocalEntra) -> None:
    """The remedy for a refused read is a permission to read."""
    services = reader(entra, *(READ_ONLY - {"Synchronization.Read.All"}))
    principal = entra.application()
    job = await SynchronizationJob(entra.services()).create(
        call(), SynchronizationJobInputs(service_principal_id=principal)
    )

    with pytest.raises(GraphError, match=r"grant the application permission Synchronization\.Read\.All"):
        await services.graph.get(f"/servicePrincipals/{principal}/synchronization/jobs/{job.state.job_id}")


async def test_a_whole_tenant_is_refused_before_its_first_change(entra: LocalEntra) -> None:
    """An application that may only read starts no update, and one that may only assign starts no new tenant."""
    lines = Lines()
    change = Call(urn=URN, name="test", log=lines)
    services = reader(entra)

    await admit(services, replace(change, preview=True), is_new_tenant=True)
    [warning] = lines.warnings
    for is_new in (True, False):
        with pytest.raises(MissingRightError, match="Nothing was changed") as refused:
            await admit(services, change, is_new_tenant=is_new)
        assert OWNED in str(refused.value)
        assert ASSIGNING in str(refused.value)
    assert "`pulumi up` needs" in warning
    assert ASSIGNING in warning

    some = reader(entra, *READ_ONLY, ASSIGNING)
    await admit(some, change, is_new_tenant=False)
    with pytest.raises(MissingRightError, match=OWNED):
        await admit(some, change, is_new_tenant=True)
    await admit(services, replace(change, urn="urn:pulumi:test::p::kzero:keycloak:MapperSet::x"), is_new_tenant=True)
