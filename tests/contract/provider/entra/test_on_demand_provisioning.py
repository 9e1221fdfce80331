"""Tests the requests of OnDemandProvisioning to both sides, and when it succeeds."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from kzero_scim.errors import PartialFailureError, ProviderError
from kzero_scim.mapping.attribute_mapping import TAG, guide_rows
from kzero_scim.provider.entra.on_demand_provisioning.resource import (
    OnDemandProvisioning,
    OnDemandProvisioningInputs,
    OnDemandProvisioningState,
)
from kzero_scim.resource.model import UNKNOWN, Change, Found
from kzero_scim.resource.reading import Absent, Present, Reading
from kzero_scim.settings.items import Row
from tests.contract.scripted_graph import JOB, PRINCIPAL, RESOURCE_ID, Json, Lines, ScriptedGraph, call

ALEX: Json = {
    "id": "22222222-0000-4000-8000-000000000001",
    "userPrincipalName": "alex@contoso.example",
    "accountEnabled": True,
    "givenName": "Alex",
    "surname": "Moreau",
    "mail": "alex@contoso.example",
    "onPremisesExtensionAttributes": {"extensionAttribute1": "blue"},
    "manager": {"id": "22222222-0000-4000-8000-000000000002", "userPrincipalName": "robin@contoso.example"},
}
IN_KZERO: Json = {
    "id": "k1",
    "username": "alex@contoso.example",
    "email": "alex@contoso.example",
    "firstName": "Alex",
    "lastName": "Moreau",
    "enabled": True,
    "attributes": {"extensionAttribute1": ["blue"], "manager": ["k2"]},
}
ROBIN_IN_KZERO: Json = {"id": "k2", "username": "robin@contoso.example"}
EXPORT = {"name": "EntryExportAdd", "type": "Export", "status": "Success", "description": "created"}
SUCCESS = {"key": json.dumps({"result": "Success"}), "value": json.dumps({"provisioningSteps": [EXPORT]})}
OUTSIDE = {
    "key": json.dumps({"result": "Skipped", "details": {"errorCode": "NotEffectivelyEntitled"}}),
    "value": json.dumps({"provisioningSteps": []}),
}
INPUTS = OnDemandProvisioningInputs(
    service_principal_id=PRINCIPAL, job_id=JOB, user="alex@contoso.example", triggers={"mappings": "1"}
)
USER_ID = f"{RESOURCE_ID}/{ALEX['id']}"


class Keycloak:
    """The users of a realm, of which some appear only after several reads."""

    def __init__(self, *users: Json, hidden_looks: int = 0) -> None:
        """Use these users."""
        self.users = {user["username"]: user for user in users}
        self.hidden_looks = hidden_looks
        self.asked: list[tuple[str, str]] = []
        self.profile: Json = {"unmanagedAttributePolicy": "ENABLED"}

    async def version(self, _: str) -> str:
        """Return the server's version."""
        return "26.7.3"

    async def ask(self, *_: object) -> Json:
        """Return the user profile, the only other answer that the resource needs."""
        return self.profile

    async def find_user(self, realm: str, username: str) -> Reading[Json]:
        """Return a user by name."""
        self.asked.append((realm, username))
        if username == IN_KZERO["username"] and self.hidden_looks > 0:
            self.hidden_looks -= 1
            return Absent()
        found = copy.deepcopy(self.users.get(username.lower()))
        return Absent() if found is None else Present(found)


def graph_with(*answers: Json, **fields: Any) -> ScriptedGraph:  # noqa: ANN401 - the fields of a dataclass
    """Return a Graph with the test user and an answer to on-demand provisioning."""
    return ScriptedGraph(users={"alex": ALEX}, on_demand=list(answers or [SUCCESS]), **fields)


def resource(
    graph: ScriptedGraph, keycloak: Keycloak | None = None, sleeps: list[float] | None = None
) -> OnDemandProvisioning:
    """Return the resource with both sides."""
    waited = [] if sleeps is None else sleeps

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    return OnDemandProvisioning(
        graph.services(keycloak or Keycloak(IN_KZERO, ROBIN_IN_KZERO)),
        sleep=sleep,
        now=lambda: datetime(2026, 11, 24, 12, tzinfo=UTC),
    )


async def created(graph: ScriptedGraph, inputs: OnDemandProvisioningInputs = INPUTS) -> OnDemandProvisioningState:
    """Create the resource, and clear the recorded requests."""
    state = (await resource(graph).create(call(), inputs)).state
    graph.asked.clear()
    return state


class TestRun:
    """Provisioning a user and checking it in KZero."""

    async def test_a_user_who_arrived(self) -> None:
        """The user is provisioned by the schema's rule, and the state has the steps and all seven comparisons."""
        graph = graph_with()

        made = await resource(graph).create(call(), INPUTS)

        rule = graph.schema["synchronizationRules"][0]["id"]
        subject = {"objectId": ALEX["id"], "objectTypeName": "User"}
        assert graph.bodies == [{"parameters": [{"ruleId": rule, "subjects": [subject]}]}]
        assert made.id == USER_ID
        assert made.state.result == "success"
        assert [step.name for step in made.state.steps] == ["EntryExportAdd"]
        assert made.state.kzero_user_id == "k1"
        assert len(made.state.comparisons) == 7
        assert all(item.equal for item in made.state.comparisons)
        assert made.state.provisioned_at == "2026-11-24T12:00:00+00:00"

    async def test_kzero_may_need_a_moment(self) -> None:
        """KZero is asked a limited number of times."""
        sleeps: list[float] = []
        keycloak = Keycloak(IN_KZERO, ROBIN_IN_KZERO, hidden_looks=2)

        made = await resource(graph_with(), keycloak, sleeps).create(call(), INPUTS)

        assert made.state.kzero_user_id == "k1"
        assert sleeps == [1.0, 3.0]

    async def test_a_failing_step_fails_the_update(self) -> None:
        """After a failed step, KZero is not asked."""
        failed = {"name": "EntryExportAdd", "type": "Export", "status": "Failure", "description": "400 from KZero"}
        keycloak = Keycloak(IN_KZERO)
        answer = {"key": "{}", "value": json.dumps({"provisioningSteps": [failed]})}

        with pytest.raises(ProviderError, match="400 from KZero"):
            await resource(graph_with(answer), keycloak).create(call(), INPUTS)
        assert keycloak.asked == []

    async def test_a_user_outside_the_assignments(self) -> None:
        """A user who is not assigned is refused at once, with the remedy."""
        graph, sleeps = graph_with(OUTSIDE), list[float]()

        with pytest.raises(ProviderError, match="assign the user"):
            await resource(graph, sleeps=sleeps).create(call(), INPUTS)
        assert sleeps == []

    async def test_a_fresh_assignment_is_waited_for(self) -> None:
        """Provisioning is repeated if Graph shows an assignment that the provisioning service does not know yet."""
        graph, sleeps = graph_with(OUTSIDE, OUTSIDE, SUCCESS, assigned=["g1"]), list[float]()
        graph.groups[ALEX["id"]] = [{"id": "g1", "displayName": "KZero users"}]

        made = await resource(graph, sleeps=sleeps).create(call(), INPUTS)

        assert made.state.result == "success"
        assert sleeps == [5.0, 10.0]

    async def test_a_missing_mapper_shows(self) -> None:
        """A missing value is named, and the state keeps the run so that the next update repeats it."""
        without_tag = IN_KZERO | {"attributes": {"manager": ["k2"]}}
        graph = graph_with()

        with pytest.raises(PartialFailureError) as caught:
            await resource(graph, Keycloak(without_tag, ROBIN_IN_KZERO)).create(call(), INPUTS)

        assert "tag: Entra \"blue\", KZero nothing (check that KZero has the mapper 'tag')" in str(caught.value)
        state = caught.value.state
        assert isinstance(state, OnDemandProvisioningState)
        assert await resource(graph).diff(call(), USER_ID, state, INPUTS) == [Change("verify")]

    async def test_a_value_that_the_realm_drops_is_not_blamed_on_a_mapper(self) -> None:
        """The error names the user profile, the attribute and the remedy."""
        keycloak = Keycloak(IN_KZERO | {"attributes": {"manager": ["k2"]}}, ROBIN_IN_KZERO)
        keycloak.profile = {"attributes": [{"name": "username"}]}

        with pytest.raises(PartialFailureError) as caught:
            await resource(graph_with(), keycloak).create(call(), INPUTS)

        said = str(caught.value)
        assert "KZero nothing (the realm drops the user attribute 'extensionAttribute1')" in said
        assert 'The cause is not a mapper: realm "Contoso" drops the user attributes extensionAttribute1' in said
        assert "check that KZero has the mapper" not in said
        assert "Compare the mappers" not in said

    async def test_a_user_who_did_not_arrive(self) -> None:
        """Entra's success is not enough if KZero does not have the user."""
        with pytest.raises(PartialFailureError, match=r"has no user 'alex@contoso\.example'"):
            await resource(graph_with(), Keycloak()).create(call(), INPUTS)

    @pytest.mark.parametrize(("verify", "looks"), [("off", 0), ("user", 1)])
    async def test_less_may_be_verified(self, verify: Any, looks: int) -> None:  # noqa: ANN401 - a literal
        """Setting verify to user or off checks only the user or nothing."""
        keycloak = Keycloak({"id": "k1", "username": "alex@contoso.example"})

        made = await resource(graph_with(), keycloak).create(call(), replace(INPUTS, verify=verify))

        assert len(keycloak.asked) == looks
        assert made.state.comparisons == []
        assert await resource(graph_with()).diff(call(), USER_ID, made.state, replace(INPUTS, verify=verify)) == []

    async def test_a_user_name_of_ones_own_is_found_by_its_value(self) -> None:
        """A user name that is mapped from another attribute is found."""
        keycloak = Keycloak({"id": "k1", "username": "moreau"})
        rows = guide_rows() | {"userName": Row(source="surname", matching_priority=1)}

        made = await resource(graph_with(), keycloak).create(call(), replace(INPUTS, rows=rows, verify="user"))

        assert made.state.kzero_user_id == "k1"

    async def test_a_user_who_is_disabled_in_kzero_has_not_arrived(self) -> None:
        """With verify set to user, the user must also be enabled."""
        keycloak = Keycloak({"id": "k1", "username": "alex@contoso.example", "enabled": False})

        with pytest.raises(PartialFailureError, match='enabled: Entra "true", KZero "false"'):
            await resource(graph_with(), keycloak).create(call(), replace(INPUTS, verify="user"))

    async def test_a_user_whom_entra_disabled_is_not_provisioned(self) -> None:
        """A successful disable is a failure, and KZero is not asked."""
        answer = {"key": json.dumps({"result": "Success"}), "value": json.dumps({"action": "Disable"})}
        keycloak = Keycloak(IN_KZERO)

        with pytest.raises(ProviderError, match="disabled the user in KZero instead of provisioning it"):
            await resource(graph_with(answer), keycloak).create(call(), INPUTS)
        assert keycloak.asked == []

    async def test_what_was_not_compared_is_named(self) -> None:
        """The state and the log name each mapper without a row, each row without a mapper, and each unknown value."""
        lines = Lines()
        rows = guide_rows() | {"title": Row(source="jobTitle"), "name.givenName": Row(expression="Trim([givenName])")}
        del rows[TAG]

        made = await resource(graph_with()).create(call(lines), replace(INPUTS, rows=rows))

        assert made.state.not_compared == [
            "tag was not compared: no attribute mapping sends its claim",
            "title was not compared: KZero does not store it",
            "firstName was not compared: Entra computes its value (Trim([givenName]))",
        ]
        assert [line for line in lines.notes if "was not compared" in line] == made.state.not_compared

    async def test_a_user_without_a_name_is_never_looked_up(self) -> None:
        """If the user's name in KZero is unknown or empty, KZero is not asked for a user without a name."""
        for rows, reason in (
            ({"userName": Row(expression="ToLower([mail])", matching_priority=1)}, "only Entra can compute"),
            ({"userName": Row(source="employeeId", matching_priority=1)}, "no value for userName"),
        ):
            keycloak = Keycloak({"id": "k0", "username": ""}, IN_KZERO)
            with pytest.raises(ProviderError, match=reason):
                await resource(graph_with(), keycloak).compare_user(replace(INPUTS, rows=guide_rows() | rows))
            assert keycloak.asked == []

    async def test_a_computed_user_name_is_a_warning(self) -> None:
        """A user name that only Entra can compute is a warning."""
        lines = Lines()
        rows = guide_rows() | {"userName": Row(expression="ToLower([mail])", matching_priority=1)}

        made = await resource(graph_with()).create(call(lines), replace(INPUTS, rows=rows))

        assert "was not checked in KZero" in lines.warnings[0]
        assert made.state.not_compared == lines.warnings
        assert await resource(graph_with()).diff(call(), USER_ID, made.state, replace(INPUTS, rows=rows)) == []


class TestRepeat:
    """When the resource runs again."""

    async def test_nothing_changed_asks_nothing(self) -> None:
        """Without changes, neither preview nor refresh sends a request."""
        graph = graph_with()
        state = await created(graph)

        assert await resource(graph).diff(call(), USER_ID, state, INPUTS) == []
        found = await resource(graph).read(call(), USER_ID, state)
        assert isinstance(found, Found)
        assert (found.inputs, found.state) == (INPUTS, state)
        assert graph.asked == []

    @pytest.mark.parametrize("name", ["ALEX@contoso.example", "Alex@Contoso.Example"])
    async def test_the_case_of_the_user_has_no_meaning(self, name: str) -> None:
        """A user principal name in another case is the same user and replaces nothing."""
        graph = graph_with()
        state = await created(graph)

        assert await resource(graph).diff(call(), USER_ID, state, replace(INPUTS, user=name)) == []
        other = replace(INPUTS, user="alexa@contoso.example")
        assert await resource(graph).diff(call(), USER_ID, state, other) == [Change("user", replace=True)]
        unknown = replace(INPUTS, user=UNKNOWN)
        assert await resource(graph).diff(call(), USER_ID, state, unknown) == [Change("user", replace=True)]

    async def test_a_trigger_repeats_and_a_user_replaces(self) -> None:
        """A changed trigger updates the resource, and a changed user replaces it."""
        graph = graph_with()
        state = await created(graph)
        tag = replace(INPUTS, triggers={"mappings": UNKNOWN})

        assert await resource(graph).diff(call(), USER_ID, state, tag) == [Change("triggers.mappings")]
        assert await resource(graph).diff(call(), USER_ID, state, replace(INPUTS, user="robin@contoso.example")) == [
            Change("user", replace=True)
        ]
        assert await resource(graph).diff(call(), USER_ID, state, replace(INPUTS, assigned_users=["x"])) == []
        again = await resource(graph).update(call(), USER_ID, state, replace(INPUTS, triggers={"mappings": "2"}))
        assert again.triggers == {"mappings": "2"}
        await resource(graph).delete(call(), USER_ID, again)


class TestPreview:
    """Errors that a preview finds."""

    async def test_an_unknown_user(self) -> None:
        """An unknown user is named in the error."""
        graph = graph_with()
        inputs = replace(INPUTS, service_principal_id=UNKNOWN, job_id=UNKNOWN, user="nobody@contoso.example")

        with pytest.raises(ProviderError, match=r"'nobody@contoso.example' does not exist in Entra"):
            await resource(graph).plan(call(preview=True), inputs, None)
        assert graph.writes == []

    async def test_an_empty_user(self) -> None:
        """An empty user is refused without a request."""
        _, failures = await resource(graph_with()).check(call(), replace(INPUTS, user=" "), None)

        assert [failure.path for failure in failures] == ["user"]

    async def test_a_disabled_user_is_a_warning(self) -> None:
        """A disabled user is a warning, because Entra will not provision it."""
        graph, lines = ScriptedGraph(users={"alex": ALEX | {"accountEnabled": False}}), Lines()

        await resource(graph).plan(call(lines, preview=True), INPUTS, None)

        assert "disabled" in lines.warnings[0]

    @pytest.mark.parametrize(
        ("users", "groups"),
        [
            (["ALEX@contoso.example"], []),
            ([ALEX["id"]], None),
            (["robin@contoso.example"], ["KZero users"]),
            (None, ["G1"]),
            (None, None),
            (UNKNOWN, ["other"]),
        ],
    )
    async def test_a_user_inside(self, users: Any, groups: Any) -> None:  # noqa: ANN401 - may be unknown
        """A user who is assigned by name, ID or group, or whose assignment is unknown, is accepted."""
        graph = graph_with()
        graph.groups[ALEX["id"]] = [{"id": "g1", "displayName": "KZero users"}]

        planned = await resource(graph).plan(
            call(preview=True), replace(INPUTS, assigned_users=users, assigned_groups=groups), None
        )

        assert planned.result is UNKNOWN

    async def test_a_user_outside(self) -> None:
        """A member of a nested group is refused, and nothing is changed."""
        graph = graph_with()
        graph.groups[ALEX["id"]] = [{"id": "g2", "displayName": "nested in KZero users"}]
        inputs = replace(INPUTS, assigned_users=["robin@contoso.example"], assigned_groups=["KZero users"])

        with pytest.raises(ProviderError, match="is not assigned"):
            await resource(graph).plan(call(preview=True), inputs, None)
        assert graph.writes == []

    async def test_a_user_whose_groups_are_hidden(self) -> None:
        """If Graph hides the names of the user's groups, the user is not refused, and a warning says so."""
        graph, lines = graph_with(), Lines()
        graph.groups[ALEX["id"]] = [{"id": "g1", "displayName": None}, {"id": "r1", "displayName": "Role"}]
        inputs = replace(INPUTS, assigned_users=[], assigned_groups=["KZero users"])

        planned = await resource(graph).plan(call(lines, preview=True), inputs, None)

        assert planned.result is UNKNOWN
        assert any("hides the names of the user's groups" in text for text in lines.warnings)


class TestImport:
    """Importing a user that Entra provisioned before."""

    async def test_describes_what_both_sides_show(self) -> None:
        """An import describes both sides and provisions nothing."""
        graph = graph_with()

        found = await resource(graph).read(call(), USER_ID, None)

        assert isinstance(found, Found)
        assert found.inputs == replace(INPUTS, triggers={})
        assert found.state.kzero_user_id == "k1"
        assert graph.writes == []

    async def test_a_user_who_is_not_in_kzero(self) -> None:
        """A user who is not in KZero cannot be imported."""
        assert await resource(graph_with(), Keycloak()).read(call(), USER_ID, None) == Absent()
