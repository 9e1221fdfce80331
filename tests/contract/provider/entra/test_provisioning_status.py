"""Tests which requests ProvisioningStatus sends to Graph, and how it reads a job's status."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kzero_scim.errors import PartialFailureError, ProviderError
from kzero_scim.provider.entra.provisioning_status.resource import (
    ProvisioningStatus,
    ProvisioningStatusInputs,
    ProvisioningStatusState,
)
from kzero_scim.resource.model import UNKNOWN, Change, ChangeKind, Found
from kzero_scim.resource.reading import Absent
from tests.contract.scripted_graph import JOB, PRINCIPAL, RESOURCE_ID, Lines, ScriptedGraph, call, no_sleep

INPUTS = ProvisioningStatusInputs(service_principal_id=PRINCIPAL, job_id=JOB, triggers={"mappings": "1"})
OFF = replace(INPUTS, enabled=False)
QUARANTINE = {
    "code": "Quarantine",
    "quarantine": {"reason": "TooManyDeletes", "error": {"code": "TooManyDeletes", "message": "12 deletions"}},
}

UNREACHABLE = {"code": "Quarantine", "quarantine": {"reason": "EncounteredQuarantineException"}}


def resource(graph: ScriptedGraph) -> ProvisioningStatus:
    """Return the resource with this Graph."""
    return ProvisioningStatus(graph.services(), sleep=no_sleep)


async def created(graph: ScriptedGraph, inputs: ProvisioningStatusInputs = INPUTS) -> ProvisioningStatusState:
    """Create the resource, and clear the recorded requests."""
    state = (await resource(graph).create(call(), inputs)).state
    graph.asked.clear()
    return state


class TestCreate:
    """The first `pulumi up`."""

    async def test_starts_the_job(self) -> None:
        """A create starts the job and reads its status."""
        graph = ScriptedGraph()

        made = await resource(graph).create(call(), INPUTS)

        assert graph.writes == ["POST /start"]
        assert made.id == RESOURCE_ID
        assert (made.state.enabled, made.state.schedule_state) == (True, "Active")

    async def test_leaves_a_running_job_alone(self) -> None:
        """A running job is not started again, as Microsoft asks."""
        graph = ScriptedGraph(schedule="Active")

        await resource(graph).create(call(), INPUTS)

        assert graph.writes == []

    async def test_a_job_taken_over_leaves_a_quarantine_that_a_connection_ends(self) -> None:
        """An adopted job leaves a quarantine that a working connection ends, but not one that only a person can end."""
        graph = ScriptedGraph(schedule="Active", status=UNREACHABLE)
        held_back = ScriptedGraph(schedule="Active", status=QUARANTINE)

        made = await resource(graph).create(call(), INPUTS)
        await resource(held_back).create(call(), INPUTS)

        assert graph.writes == ["POST /validateCredentials", "POST /restart"]
        assert made.state.quarantine is None
        assert held_back.writes == []

    @pytest.mark.parametrize(("schedule", "writes"), [("Disabled", []), ("Active", ["POST /pause"])])
    async def test_pauses_on_request(self, schedule: str, writes: list[str]) -> None:
        """A create with enabled false pauses a job, and a job that never ran is already off."""
        graph = ScriptedGraph(schedule=schedule)

        made = await resource(graph).create(call(), OFF)

        assert graph.writes == writes
        assert made.state.enabled is False

    async def test_a_start_that_does_not_show_is_an_error(self) -> None:
        """A start that the job's status does not show is an error."""
        graph = ScriptedGraph(stuck=True)

        with pytest.raises(PartialFailureError, match="'Disabled'") as caught:
            await resource(graph).create(call(), INPUTS)
        assert isinstance(caught.value.state, ProvisioningStatusState)
        assert caught.value.state.enabled is False


class TestChanges:
    """Drift and triggers."""

    async def test_a_pause_in_the_portal_is_drift(self) -> None:
        """A pause in the portal is a change of `enabled`, and a start repairs it."""
        graph = ScriptedGraph()
        state = await created(graph)
        graph.schedule = "Paused"

        found = await resource(graph).read(call(), RESOURCE_ID, state)
        assert isinstance(found, Found)
        changes = await resource(graph).diff(call(), RESOURCE_ID, found.state, INPUTS)
        repaired = await resource(graph).update(call(), RESOURCE_ID, found.state, INPUTS)

        assert found.inputs == replace(INPUTS, enabled=False)
        assert changes == [Change("enabled")]
        assert graph.writes == ["POST /start"]
        assert repaired.enabled is True

    async def test_nothing_changed_asks_nothing(self) -> None:
        """A preview without changes sends no request."""
        graph = ScriptedGraph()
        state = await created(graph)

        assert await resource(graph).diff(call(), RESOURCE_ID, state, INPUTS) == []
        assert graph.asked == []

    async def test_a_changed_trigger_restarts(self) -> None:
        """A changed trigger restarts the job, which forgets failures and quarantine but keeps its links to users."""
        graph = ScriptedGraph()
        state = await created(graph)
        graph.bodies.clear()
        new = replace(INPUTS, triggers={"mappings": "2"})

        changes = await resource(graph).diff(call(), RESOURCE_ID, state, new)
        await resource(graph).update(call(), RESOURCE_ID, state, new)

        assert changes == [Change("triggers.mappings")]
        assert graph.writes == ["POST /restart"]
        assert graph.bodies == [{"criteria": {"resetScope": "Watermark, Escrows, QuarantineState"}}]

    async def test_a_restart_starts_a_paused_job_that_should_run(self) -> None:
        """A paused job that should run is restarted and started."""
        graph = ScriptedGraph()
        state = await created(graph)
        graph.schedule = "Paused"

        await resource(graph).update(call(), RESOURCE_ID, state, replace(INPUTS, triggers={"mappings": "2"}))

        assert graph.writes == ["POST /restart", "POST /start"]

    async def test_a_job_that_is_off_is_restarted_once_it_is_on(self) -> None:
        """A trigger that changes while the job is off restarts it when it is turned on."""
        graph = ScriptedGraph()
        state = await created(graph, OFF)
        changed = replace(OFF, triggers={"mappings": "2"})

        assert await resource(graph).diff(call(), RESOURCE_ID, state, changed) == []
        off = await resource(graph).update(call(), RESOURCE_ID, state, changed)
        assert graph.writes == []
        await resource(graph).update(call(), RESOURCE_ID, off, replace(changed, enabled=True))

        assert graph.writes == ["POST /restart", "POST /start"]

    async def test_an_update_ends_a_quarantine_once_the_connection_passes(self) -> None:
        """An update ends a quarantine if the connection test passes, and Entra retries only failed users."""
        graph = ScriptedGraph()
        state = await created(graph)
        graph.status = UNREACHABLE
        found = await resource(graph).read(call(), RESOURCE_ID, state)
        assert isinstance(found, Found)
        graph.refusals = [{"code": "InvalidCredentials", "message": "Unauthorized"}] * 3

        assert await resource(graph).diff(call(), RESOURCE_ID, found.state, INPUTS) == [
            Change("quarantine", ChangeKind.DELETE)
        ]
        with pytest.raises(ProviderError, match=r"stays in quarantine: .* did not pass"):
            await resource(graph).update(call(), RESOURCE_ID, found.state, INPUTS)
        assert "POST /restart" not in graph.writes
        graph.refusals, graph.bodies = [], []
        healed = await resource(graph).update(call(), RESOURCE_ID, found.state, INPUTS)

        assert graph.bodies[-1] == {"criteria": {"resetScope": "QuarantineState"}}
        assert healed.quarantine is None
        assert await resource(graph).diff(call(), RESOURCE_ID, healed, INPUTS) == []

    async def test_deletions_held_back_are_never_restarted(self) -> None:
        """A change stays a difference until a person allows or rejects the deletions."""
        graph, lines = ScriptedGraph(), Lines()
        state = await created(graph)
        graph.status = QUARANTINE
        new = replace(INPUTS, triggers={"mappings": "2"})

        waiting = await resource(graph).update(call(lines), RESOURCE_ID, state, new)

        assert graph.writes == []
        assert any("allow or reject the deletions" in line for line in lines.warnings)
        assert await resource(graph).diff(call(), RESOURCE_ID, waiting, new) == [Change("triggers.mappings")]

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            (INPUTS, replace(INPUTS, triggers={"mappings": "2"}), "provisioning restarts with an initial cycle"),
            (INPUTS, replace(INPUTS, triggers={"mappings": UNKNOWN}), "the attribute mappings changed"),
            (INPUTS, OFF, "provisioning would be turned OFF"),
            (INPUTS, replace(OFF, triggers={"mappings": "2"}), "initial cycle when it is turned ON"),
            (OFF, INPUTS, "Entra would start with an initial cycle"),
        ],
    )
    async def test_the_preview_says_what_becomes_of_provisioning(
        self, old: ProvisioningStatusInputs, new: ProvisioningStatusInputs, said: str
    ) -> None:
        """A preview logs what would happen to provisioning, without a request."""
        graph, lines = ScriptedGraph(), Lines()
        state = await created(graph, old)

        await resource(graph).plan(call(lines, preview=True), new, state)

        (line,) = [*lines.notes, *lines.warnings]
        assert said in line
        assert graph.asked == []

    async def test_the_preview_says_how_a_paused_job_goes_on(self) -> None:
        """A preview logs whether a paused job continues or restarts with an initial cycle."""
        graph, lines = ScriptedGraph(), Lines()
        state = await resource(graph).update(call(), RESOURCE_ID, await created(graph), OFF)

        await resource(graph).plan(call(lines, preview=True), INPUTS, state)
        await resource(graph).plan(call(lines, preview=True), replace(INPUTS, triggers={"mappings": "2"}), state)

        assert "turned ON: Entra continues where the job was paused" in lines.notes[0]
        assert "turned ON: provisioning restarts with an initial cycle" in lines.notes[1]

    async def test_quarantine_is_a_warning_with_reason_and_remedy(self) -> None:
        """Each refresh warns of a quarantine, with reason and remedy, and outputs it."""
        graph, lines = ScriptedGraph(), Lines()
        state = await created(graph)
        graph.status = QUARANTINE

        found = await resource(graph).read(call(lines), RESOURCE_ID, state)

        assert isinstance(found, Found)
        assert found.state.quarantine is not None
        assert found.state.quarantine.reason == "TooManyDeletes"
        assert "12 deletions" in lines.warnings[0]
        assert "What to do" in lines.warnings[0]
        assert await resource(graph).diff(call(), RESOURCE_ID, found.state, INPUTS) == []

    async def test_plan_keeps_what_entra_reported(self) -> None:
        """A plan keeps reported values until the next read, and values that the update changes are unknown."""
        graph = ScriptedGraph()
        state = await created(graph)

        planned = await resource(graph).plan(call(preview=True), OFF, state)
        first = await resource(graph).plan(call(preview=True), INPUTS, None)

        assert planned.schedule_state is UNKNOWN
        assert planned.synchronized_entries == state.synchronized_entries
        assert first.last_cycle is UNKNOWN


class TestEnd:
    """Deleted jobs, imports and deletions."""

    async def test_a_job_that_is_gone(self) -> None:
        """A deleted job is removed from the state, and deleting it is not an error."""
        graph = ScriptedGraph()
        state = await created(graph)
        graph.exists = False

        assert await resource(graph).read(call(), RESOURCE_ID, state) == Absent()
        await resource(graph).delete(call(), RESOURCE_ID, state)

    async def test_an_import_describes_what_exists(self) -> None:
        """An import has the job's status and no triggers."""
        found = await resource(ScriptedGraph(schedule="Active")).read(call(), RESOURCE_ID, None)

        assert isinstance(found, Found)
        assert found.inputs == ProvisioningStatusInputs(service_principal_id=PRINCIPAL, job_id=JOB)

    @pytest.mark.parametrize(("inputs", "writes"), [(INPUTS, ["POST /pause"]), (OFF, [])])
    async def test_delete_pauses(self, inputs: ProvisioningStatusInputs, writes: list[str]) -> None:
        """A deletion pauses the job, because another resource owns the job itself."""
        graph = ScriptedGraph()
        state = await created(graph, inputs)

        await resource(graph).delete(call(), RESOURCE_ID, state)

        assert graph.writes == writes
