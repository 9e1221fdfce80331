"""Tests which requests AttributeMappings sends to Graph, and how it handles the answers."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import cast

import pytest

from kzero_scim.errors import GraphError, PartialFailureError, ProviderError
from kzero_scim.mapping.attribute_mapping import MANAGER, TAG, WORK_EMAIL, guide_rows
from kzero_scim.provider.entra.attribute_mappings.model import AttributeMappingsInputs, AttributeMappingsState
from kzero_scim.provider.entra.attribute_mappings.resource import AttributeMappings
from kzero_scim.resource.codec import decode_lenient
from kzero_scim.resource.model import UNKNOWN, Change, ChangeKind, Found, as_plain
from kzero_scim.resource.reading import Absent
from kzero_scim.settings.items import Row
from tests.contract.scripted_graph import JOB, PRINCIPAL, RESOURCE_ID, Json, Lines, ScriptedGraph, call, no_sleep

INPUTS = AttributeMappingsInputs(service_principal_id=PRINCIPAL, job_id=JOB)


def resource(graph: ScriptedGraph) -> AttributeMappings:
    """Return the resource with this Graph."""
    return AttributeMappings(graph.services(), sleep=no_sleep)


async def created(graph: ScriptedGraph, inputs: AttributeMappingsInputs = INPUTS) -> AttributeMappingsState:
    """Create the resource, and clear the recorded requests."""
    state = (await resource(graph).create(call(), inputs)).state
    graph.asked.clear()
    return state


async def refreshed(graph: ScriptedGraph, state: AttributeMappingsState) -> AttributeMappingsState:
    """Read the resource again."""
    found = await resource(graph).read(call(), RESOURCE_ID, state)
    assert isinstance(found, Found)
    return found.state


def user_rows(graph: ScriptedGraph) -> list[Json]:
    """Return the attribute mappings for users."""
    mappings = graph.schema["synchronizationRules"][0]["objectMappings"]
    found = next(mapping for mapping in mappings if mapping["sourceObjectName"] == "User")
    return cast("list[Json]", found["attributeMappings"])


def row_for(graph: ScriptedGraph, target: str) -> Json:
    """Return one attribute mapping."""
    return next(row for row in user_rows(graph) if row["targetAttributeName"] == target)


class TestCreate:
    """The first `pulumi up`."""

    async def test_reads_writes_and_reads_again(self) -> None:
        """A create sends three requests, and writes the whole schema without Graph's annotation."""
        graph = ScriptedGraph()

        made = await resource(graph).create(call(), INPUTS)

        assert [method for method, _ in graph.asked] == ["GET", "PUT", "GET"]
        assert "@odata.context" not in graph.bodies[0]
        assert made.id == RESOURCE_ID
        assert made.state.rows == guide_rows()
        assert made.state.rule_id == graph.schema["synchronizationRules"][0]["id"]
        assert "displayName" in made.state.unmanaged_rows
        assert made.state.prior.rows[TAG] == "null"

    async def test_writes_nothing_if_all_is_there(self) -> None:
        """A repeated create after an interruption writes nothing if all rows exist."""
        graph = ScriptedGraph()
        await created(graph)

        await resource(graph).create(call(), INPUTS)

        assert graph.writes == []

    async def test_a_second_preview_shows_no_change_and_asks_nothing(self) -> None:
        """A second preview finds no changes and sends no request."""
        graph = ScriptedGraph()
        state = await created(graph)

        assert await resource(graph).diff(call(), RESOURCE_ID, state, INPUTS) == []
        assert graph.asked == []

    async def test_waits_out_an_older_copy(self) -> None:
        """A create repeats the read while Graph returns an older copy."""
        graph = ScriptedGraph(stale_reads=2)

        state = await created(graph)

        assert TAG in state.rows

    async def test_an_unknown_source_attribute_changes_nothing(self) -> None:
        """An unknown source attribute is refused with a suggestion, and nothing is written."""
        graph = ScriptedGraph()
        inputs = replace(INPUTS, rows=guide_rows() | {"name.familyName": Row(source="surName")})

        with pytest.raises(ProviderError, match=r"'surName' \(similar: surname\)"):
            await resource(graph).create(call(), inputs)
        assert graph.writes == []

    async def test_entra_parses_an_expression_that_the_schema_does_not_hold(self) -> None:
        """Entra parses a new expression, and its result is written unchanged."""
        graph = ScriptedGraph()
        inputs = replace(INPUTS, rows=guide_rows() | {"title": Row(expression='Append([jobTitle], "x")')})

        await created(graph, inputs)

        assert row_for(graph, "title")["source"]["name"] == "Append"

    async def test_an_expression_that_is_none_changes_nothing(self) -> None:
        """An invalid expression is refused with Entra's reason and the row, and nothing is written."""
        graph = ScriptedGraph()
        inputs = replace(INPUTS, rows=guide_rows() | {"title": Row(expression="Append([jobTitle]")})

        with pytest.raises(ProviderError, match=r"of 'title'\. Nothing was changed; .*a parenthesis is missing"):
            await resource(graph).create(call(), inputs)
        assert graph.writes == ["POST /schema/parseExpression"]

    async def test_rows_that_entra_does_not_keep_are_named(self) -> None:
        """Rows that Entra drops are named, and the state keeps the original so that a deletion restores it."""
        graph = ScriptedGraph(unwritable=True)

        with pytest.raises(PartialFailureError, match="CustomExtensionName") as caught:
            await resource(graph).create(call(), INPUTS)
        assert caught.value.id == RESOURCE_ID
        assert isinstance(caught.value.state, AttributeMappingsState)
        assert TAG not in caught.value.state.rows


class TestDrift:
    """Changes made in the portal."""

    async def test_a_changed_source_is_shown_as_that_property_and_repaired(self) -> None:
        """A changed source is one change in the diff, and one PUT repairs it."""
        graph = ScriptedGraph()
        state = await created(graph)
        row_for(graph, WORK_EMAIL)["source"] = {"type": "Attribute", "name": "city", "expression": "[city]"}

        state = await refreshed(graph, state)
        changes = await resource(graph).diff(call(), RESOURCE_ID, state, INPUTS)
        repaired = await resource(graph).update(call(), RESOURCE_ID, state, INPUTS)

        assert changes == [Change('rows["emails[type eq \\"work\\"].value"].source')]
        assert repaired.rows == guide_rows()
        assert row_for(graph, WORK_EMAIL)["source"]["name"] == "mail"

    async def test_a_removed_row_is_shown_as_added_even_after_two_refreshes(self) -> None:
        """A removed row stays owned after two refreshes, so the diff adds it."""
        graph = ScriptedGraph()
        state = await created(graph)
        user_rows(graph).remove(row_for(graph, MANAGER))

        state = await refreshed(graph, await refreshed(graph, state))

        assert await resource(graph).diff(call(), RESOURCE_ID, state, INPUTS) == [
            Change(f'rows["{MANAGER}"]', ChangeKind.ADD)
        ]
        assert state.prior.rows[MANAGER] != "null"

    async def test_a_removed_definition_is_shown(self) -> None:
        """A removed attribute definition is a change apart from its row."""
        graph = ScriptedGraph()
        state = await created(graph)
        attributes = graph.schema["directories"][1]["objects"][0]["attributes"]
        attributes[:] = [item for item in attributes if item["name"] != TAG]

        state = await refreshed(graph, state)

        assert await resource(graph).diff(call(), RESOURCE_ID, state, INPUTS) == [
            Change("customAttributes[0]", ChangeKind.ADD)
        ]

    async def test_a_row_of_others_is_no_drift(self) -> None:
        """A row that the stack does not own is reported but is not drift."""
        graph = ScriptedGraph()
        state = await created(graph)
        row_for(graph, "displayName")["source"] = {"type": "Attribute", "name": "city", "expression": "[city]"}

        state = await refreshed(graph, state)

        assert await resource(graph).diff(call(), RESOURCE_ID, state, INPUTS) == []

    async def test_the_fingerprint_returns_with_the_repair(self) -> None:
        """A repair restores the fingerprint, so it restarts nothing."""
        graph = ScriptedGraph()
        state = await created(graph)
        row_for(graph, WORK_EMAIL)["flowType"] = "ObjectAddOnly"

        drifted = await refreshed(graph, state)
        planned = await resource(graph).plan(call(preview=True), INPUTS, drifted)

        assert drifted.fingerprint != state.fingerprint
        assert planned.fingerprint == state.fingerprint

    async def test_a_refresh_is_one_request(self) -> None:
        """A refresh sends one request, and a deleted job has no rows."""
        graph = ScriptedGraph()
        state = await created(graph)

        await refreshed(graph, state)
        assert len(graph.asked) == 1
        graph.exists = False
        assert await resource(graph).read(call(), RESOURCE_ID, state) == Absent()


class TestUpdate:
    """Changed inputs."""

    async def test_a_row_no_longer_listed_is_given_back(self) -> None:
        """A row that is no longer listed gets its original value."""
        graph = ScriptedGraph()
        before = copy.deepcopy(row_for(graph, WORK_EMAIL))
        first = replace(INPUTS, rows=guide_rows() | {WORK_EMAIL: Row(source="city")})
        state = await created(graph, first)
        rows = {target: row for target, row in guide_rows().items() if target != WORK_EMAIL}

        state = await resource(graph).update(call(), RESOURCE_ID, state, replace(INPUTS, rows=rows))

        assert row_for(graph, WORK_EMAIL) == before
        assert WORK_EMAIL in state.unmanaged_rows
        assert WORK_EMAIL not in state.prior.rows

    async def test_exclusive_removes_others_and_gives_them_back(self) -> None:
        """An exclusive set removes other rows, restores them at the end, and reports a new one as drift."""
        graph = ScriptedGraph()
        before = copy.deepcopy(user_rows(graph))
        state = await created(graph, replace(INPUTS, exclusive=True))
        assert state.unmanaged_rows == []

        added = next(row for row in before if row["targetAttributeName"] == "title")
        user_rows(graph).append(copy.deepcopy(added))
        state = await refreshed(graph, state)
        changes = await resource(graph).diff(call(), RESOURCE_ID, state, replace(INPUTS, exclusive=True))
        state = await resource(graph).update(call(), RESOURCE_ID, state, INPUTS)

        assert changes == [Change("rows.title", ChangeKind.DELETE)]
        names = [row["targetAttributeName"] for row in user_rows(graph)]
        assert sorted(names) == sorted([*(row["targetAttributeName"] for row in before), TAG])

    async def test_groups_are_switched_off_and_seen_switched_on(self) -> None:
        """The object mapping of groups is turned off, and turning it on is drift."""
        graph = ScriptedGraph()
        wanted = replace(INPUTS, provision_groups=False)
        state = await created(graph, wanted)
        mappings = graph.schema["synchronizationRules"][0]["objectMappings"]
        groups = next(mapping for mapping in mappings if mapping["sourceObjectName"] == "Group")
        assert groups["enabled"] is False

        groups["enabled"] = True
        state = await refreshed(graph, state)

        assert await resource(graph).diff(call(), RESOURCE_ID, state, wanted) == [Change("provisionGroups")]


class TestDelete:
    """Restoring the original schema."""

    async def test_puts_the_schema_back(self) -> None:
        """A deletion restores rows, definitions and the setting for groups."""
        graph = ScriptedGraph()
        before = copy.deepcopy(graph.schema)
        state = await created(graph, replace(INPUTS, provision_groups=False))

        await resource(graph).delete(call(), RESOURCE_ID, state)

        assert graph.schema == before

    async def test_a_job_that_is_gone_is_no_error(self) -> None:
        """Deleting the mappings of a deleted job is not an error."""
        graph = ScriptedGraph()
        state = await created(graph)
        graph.exists = False

        await resource(graph).delete(call(), RESOURCE_ID, state)


class TestImport:
    """Importing an existing schema."""

    async def test_inputs_describe_what_exists(self) -> None:
        """An import of a new job has six of the seven rows, because the tag does not exist."""
        graph = ScriptedGraph()

        found = await resource(graph).read(call(), RESOURCE_ID, None)

        assert isinstance(found, Found)
        assert set(found.inputs.rows) == set(guide_rows()) - {TAG}
        assert found.inputs.custom_attributes == []
        assert await resource(graph).diff(call(), RESOURCE_ID, found.state, found.inputs) == []

    async def test_an_id_of_another_form(self) -> None:
        """An ID in another form is refused, and the error shows the right form."""
        with pytest.raises(ProviderError, match="<servicePrincipalId>/<jobId>"):
            await resource(ScriptedGraph()).read(call(), "x", None)


class TestPreview:
    """Errors that a preview finds."""

    async def test_before_anything_exists_entras_list_serves(self) -> None:
        """Before a job exists, source attributes are checked against Entra's list."""
        graph = ScriptedGraph()
        wrong = replace(
            INPUTS, service_principal_id=UNKNOWN, job_id=UNKNOWN, rows=guide_rows() | {"title": Row(source="jobTitel")}
        )

        with pytest.raises(ProviderError, match="similar: jobTitle"):
            await resource(graph).plan(call(preview=True), wrong, None)
        assert graph.asked == []

    async def test_with_a_service_principal_the_templates_schema_serves(self) -> None:
        """With a service principal but no job, the template's schema is used for the check."""
        graph = ScriptedGraph()
        graph.template_schema = graph.schema
        wrong = replace(INPUTS, job_id=UNKNOWN, rows=guide_rows() | {"titel": Row(source="jobTitle")})

        with pytest.raises(ProviderError, match="similar: title"):
            await resource(graph).plan(call(preview=True), wrong, None)

    async def test_the_first_preview_knows_the_fingerprint(self) -> None:
        """The first preview knows the fingerprint, so dependent resources can be planned."""
        graph = ScriptedGraph()
        unknown = replace(INPUTS, service_principal_id=UNKNOWN, job_id=UNKNOWN)

        planned = await resource(graph).plan(call(preview=True), unknown, None)

        assert planned.fingerprint == (await created(graph)).fingerprint

    async def test_an_expression_is_tried_where_there_is_a_job(self) -> None:
        """A preview lets Entra parse an expression if a job exists."""
        graph = ScriptedGraph()
        state = await created(graph)
        wrong = replace(INPUTS, rows=guide_rows() | {"title": Row(expression="Append([jobTitle]")})

        with pytest.raises(ProviderError, match="parenthesis"):
            await resource(graph).plan(call(preview=True), wrong, state)

    async def test_another_error_of_graph_is_not_swallowed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A missing permission fails the preview."""
        graph = ScriptedGraph()
        services = graph.services()

        async def denied(path: str) -> Json:
            raise GraphError(path, status=403)

        monkeypatch.setattr(services.graph, "get", denied)
        with pytest.raises(GraphError):
            await AttributeMappings(services, sleep=no_sleep).plan(call(preview=True), INPUTS, None)

    async def test_state_with_the_former_switch_for_users_is_unchanged(self) -> None:
        """State with the former property provisionUsers can be read and has no differences."""
        graph = ScriptedGraph()
        state = await created(graph)
        kept = as_plain(state)
        kept |= {"provisionUsers": True, "prior": {**kept["prior"], "usersEnabled": True}}

        old = decode_lenient(AttributeMappingsState, kept)
        found = await resource(graph).read(call(), RESOURCE_ID, old)

        assert old == state
        assert isinstance(found, Found)
        assert found.state == state
        assert await resource(graph).diff(call(), RESOURCE_ID, old, INPUTS) == []
        assert (await resource(graph).plan(call(preview=True), INPUTS, old)).fingerprint == state.fingerprint

    async def test_a_new_job_replaces(self) -> None:
        """Another job replaces the resource."""
        graph = ScriptedGraph()
        state = await created(graph)

        changes = await resource(graph).diff(call(), RESOURCE_ID, state, replace(INPUTS, job_id=UNKNOWN))

        assert changes == [Change("jobId", replace=True)]


class TestMatchingPriority:
    """A schema that matches by externalId first, as newer templates may."""

    @staticmethod
    def _graph() -> ScriptedGraph:
        graph = ScriptedGraph()
        row_for(graph, "externalId")["matchingPriority"] = 1
        row_for(graph, "userName")["matchingPriority"] = 2
        return graph

    async def test_the_preview_says_what_moves(self) -> None:
        """The preview and the update name the row that makes room, and a deletion puts it back."""
        graph = self._graph()
        before = copy.deepcopy(graph.schema)
        preview, update = Lines(), Lines()

        await resource(graph).plan(call(preview, preview=True), INPUTS, None)
        made = await resource(graph).create(call(update), INPUTS)

        for lines in (preview, update):
            assert any("externalId from 1 to 2. They make room for the stack's rows" in note for note in lines.notes)
        assert row_for(graph, "userName")["matchingPriority"] == 1
        assert row_for(graph, "externalId")["matchingPriority"] == 2
        assert "externalId" not in made.state.rows
        assert await resource(graph).diff(call(), RESOURCE_ID, await refreshed(graph, made.state), INPUTS) == []
        await resource(graph).delete(call(), RESOURCE_ID, made.state)
        assert graph.schema == before

    async def test_a_row_that_someone_changed_stays_changed(self) -> None:
        """An update puts a row back only if its priority is free again."""
        graph = self._graph()
        state = await created(graph)
        row_for(graph, "externalId")["matchingPriority"] = 5
        rows = dict(INPUTS.rows)
        rows["displayName"] = Row(source="userPrincipalName")

        state = await resource(graph).update(call(), RESOURCE_ID, state, replace(INPUTS, rows=rows))

        assert row_for(graph, "externalId")["matchingPriority"] == 5
        rows["userName"] = replace(rows["userName"], matching_priority=3)
        await resource(graph).update(call(), RESOURCE_ID, state, replace(INPUTS, rows=rows))
        assert row_for(graph, "externalId")["matchingPriority"] == 1
