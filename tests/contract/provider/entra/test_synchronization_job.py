"""Tests the synchronization job against the sandbox's Entra."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kzero_scim.entra.synchronization_job import job_resource_id
from kzero_scim.errors import GraphError, ProviderError
from kzero_scim.provider.entra.global_administrators import GetGlobalAdministrators, GetGlobalAdministratorsArgs
from kzero_scim.provider.entra.provisioning_status.resource import ProvisioningStatus
from kzero_scim.provider.entra.synchronization_job.resource import SynchronizationJob, SynchronizationJobInputs
from kzero_scim.resource.model import UNKNOWN, Change, Found
from kzero_scim.resource.reading import Absent
from tests.contract.local_entra import LocalEntra
from tests.contract.scripted_graph import Lines, call


def _wanted(sp: str) -> SynchronizationJobInputs:
    return SynchronizationJobInputs(service_principal_id=sp)


async def test_a_job_is_made_once(entra: LocalEntra) -> None:
    """A second create adopts the job and logs that."""
    sp = entra.application()
    kind, lines = SynchronizationJob(entra.services()), Lines()

    made = await kind.create(call(), _wanted(sp))
    again = await kind.create(call(lines), _wanted(sp))

    assert made.id == again.id == f"{sp}/{made.state.job_id}"
    assert (made.state.adopted, again.state.adopted) == (False, True)
    assert lines.notes == [f"adopted the existing synchronization job {made.state.job_id}"]
    assert len(entra.emulator.jobs.of(sp)) == 1
    found = await kind.read(call(), made.id, made.state)
    assert isinstance(found, Found)
    assert found.state == made.state
    assert await kind.diff(call(), made.id, found.state, _wanted(sp)) == []


async def test_a_job_of_another_template_is_left_alone(entra: LocalEntra) -> None:
    """A job of another template stays, and a new one is created."""
    sp = entra.application()
    graph = entra.graph()
    await graph.post(f"/servicePrincipals/{sp}/synchronization/jobs", {"templateId": "customappsso"})

    made = await SynchronizationJob(entra.services()).create(call(), _wanted(sp))

    assert not made.state.adopted
    assert len(entra.emulator.jobs.of(sp)) == 2


async def test_a_lost_answer_does_not_make_a_second_job(entra: LocalEntra, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a lost answer, the existing job is used."""
    sp = entra.application()
    services = entra.services()
    post = services.graph.post

    async def lossy(path: str, body: dict[str, object] | None = None) -> None:
        await post(path, body)
        message = "the answer got lost"
        raise GraphError(message)

    monkeypatch.setattr(services.graph, "post", lossy)

    made = await SynchronizationJob(services).create(call(), _wanted(sp))

    assert [job.id for job in entra.emulator.jobs.of(sp)] == [made.state.job_id]


async def test_a_new_service_principal_is_waited_for(entra: LocalEntra) -> None:
    """A create waits until the synchronization service knows a new service principal."""
    sp = entra.application()
    entra.fail("synchronization/jobs$", 404, "GET", times=2)
    entra.fail("synchronization/jobs$", 403, "POST")

    made = await SynchronizationJob(entra.services()).create(call(), _wanted(sp))

    assert made.state.job_id
    assert entra.waits == [0.5, 1.0, 0.5]


async def test_a_missing_permission_is_told_soon(entra: LocalEntra) -> None:
    """A missing permission is reported sooner than the longest wait for a new service principal."""
    entra.fail("synchronization/jobs$", 403, times=None)

    with pytest.raises(GraphError, match=r"Synchronization\.ReadWrite\.All"):
        await SynchronizationJob(entra.services()).create(call(), _wanted(entra.application()))

    assert sum(entra.waits) <= 8


async def test_a_vanished_job_is_gone(entra: LocalEntra) -> None:
    """A deleted job or service principal is removed from the state, and deleting it is not an error."""
    sp = entra.application()
    kind = SynchronizationJob(entra.services())
    made = await kind.create(call(), _wanted(sp))

    await kind.delete(call(), made.id, made.state)
    await kind.delete(call(), made.id, made.state)

    assert await kind.read(call(), made.id, made.state) == Absent()
    assert await kind.read(call(), "00000000-0000-4000-8000-000000000001/scim.x.y", None) == Absent()
    with pytest.raises(ProviderError, match="<servicePrincipalId>/<jobId>"):
        await kind.read(call(), "scim.x.y", None)


async def test_any_change_replaces_the_job(entra: LocalEntra) -> None:
    """A changed template or service principal replaces the job."""
    sp = entra.application()
    kind = SynchronizationJob(entra.services())
    made = await kind.create(call(), _wanted(sp))

    other = SynchronizationJobInputs(service_principal_id=UNKNOWN, template_id="other")

    assert await kind.diff(call(), made.id, made.state, other) == [
        Change("servicePrincipalId", replace=True),
        Change("templateId", replace=True),
    ]


async def test_job_and_status_are_read_with_one_request(entra: LocalEntra) -> None:
    """A refresh reads job and status with one request."""
    sp = entra.application()
    services = entra.services()
    services.__dict__["graph"] = entra.graph(clock=lambda: 0.0)
    kind = SynchronizationJob(services)
    made = await kind.create(call(), _wanted(sp))
    entra.emulator.traffic.log.clear()

    await kind.read(call(), made.id, made.state)
    found = await ProvisioningStatus(services).read(call(), job_resource_id(sp, made.state.job_id), None)

    assert entra.requests() in ([], [("GET", f"/v1.0/servicePrincipals/{sp}/synchronization/jobs/{made.state.job_id}")])
    assert isinstance(found, Found)
    assert (found.state.schedule_state, found.state.status_code) == ("Disabled", "NotRun")


async def test_global_administrators_are_listed(entra: LocalEntra) -> None:
    """The result lists administrators under .onmicrosoft.com separately."""
    found = await GetGlobalAdministrators(entra.services()).invoke(call(), GetGlobalAdministratorsArgs())

    assert [one.display_name for one in found.administrators] == ["Tenant administrator", "Break glass"]
    assert found.onmicrosoft == ["breakglass@contoso-sandbox.onmicrosoft.com"]
    assert found.warning is None


async def test_not_being_allowed_to_know_the_administrators_is_a_warning(entra: LocalEntra) -> None:
    """A missing permission to read administrators is a warning, not an error."""
    kind = GetGlobalAdministrators(entra.services("without-RoleManagement.Read.Directory"))

    found = await kind.invoke(call(), GetGlobalAdministratorsArgs())

    assert not found.administrators
    assert not found.onmicrosoft
    assert found.warning is not None
    assert "RoleManagement.Read.Directory" in found.warning


async def test_the_successor_of_a_template_is_the_same_job(entra: LocalEntra) -> None:
    """Asked for customappsso, Entra answers customappssoOutDelta: one job for create, refresh, import and diff."""
    sp = entra.application()
    kind = SynchronizationJob(entra.services())
    wanted = SynchronizationJobInputs(service_principal_id=sp, template_id="customappsso")

    made = await kind.create(call(), wanted)
    again = await kind.create(call(), wanted)
    found = await kind.read(call(), made.id, made.state)
    imported = await kind.read(call(), made.id, None)

    assert made.state.job_id.startswith("customappssoOutDelta.")
    assert [job.id for job in entra.emulator.jobs.of(sp)] == [again.state.job_id]
    assert isinstance(found, Found)
    assert isinstance(imported, Found)
    assert found.state == made.state
    assert imported.inputs == wanted
    for name in ("customappsso", "customappssoOutDelta", "CustomAppSSO"):
        news = replace(wanted, template_id=name)
        assert await kind.diff(call(), made.id, made.state, news) == []
        shown = replace(made.state, template_id="customappssoOutDelta")
        assert await kind.diff(call(), made.id, shown, news) == []
    older = replace(made.state, job_id=made.state.job_id.replace("OutDelta", ""))
    refreshed = await kind.read(call(), made.id, older)
    assert isinstance(refreshed, Found)
    assert refreshed.state.job_id == older.job_id


async def test_another_template_is_another_job(entra: LocalEntra) -> None:
    """A template that only begins like the wanted one is another one."""
    sp = entra.application()
    graph = entra.graph()
    await graph.post(f"/servicePrincipals/{sp}/synchronization/jobs", {"templateId": "customappssoRoleIn"})
    kind = SynchronizationJob(entra.services())
    wanted = SynchronizationJobInputs(service_principal_id=sp, template_id="customappsso")

    made = await kind.create(call(), wanted)

    assert not made.state.adopted
    changes = await kind.diff(call(), made.id, replace(made.state, template_id="customappssoRoleIn"), wanted)
    assert [change.path for change in changes] == ["templateId"]
