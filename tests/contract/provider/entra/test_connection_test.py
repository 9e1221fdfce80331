"""What ConnectionTest asks of Graph, and what it says when the test does not pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from kzero_scim.entra.connection_failure import meaning
from kzero_scim.errors import GraphError, ProviderError
from kzero_scim.provider.entra.connection_test.resource import ConnectionTest, ConnectionTestInputs
from kzero_scim.resource.model import UNKNOWN, Change
from tests.contract.scripted_graph import JOB, PRINCIPAL, RESOURCE_ID, ScriptedGraph, call

INPUTS = ConnectionTestInputs(
    service_principal_id=PRINCIPAL, job_id=JOB, triggers={"credentials": "1", "endpoint": "1"}
)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def refusal(message: str) -> dict[str, Any]:
    """Make Entra's error document for a test that does not pass."""
    return {
        "code": "CredentialValidationUnavailable",
        "message": f"We received this unexpected response from your application: {message}.",
        "innerError": {
            "code": "SystemForCrossDomainIdentityManagementCredentialValidationUnavailable",
            "message": message,
        },
    }


def resource(graph: ScriptedGraph, sleeps: list[float] | None = None) -> ConnectionTest:
    """Make the resource against a Graph."""
    waited = [] if sleeps is None else sleeps

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    return ConnectionTest(graph.services(), sleep=sleep, now=lambda: NOON)


async def test_a_passed_test() -> None:
    """One request, with the saved credentials."""
    graph = ScriptedGraph()

    made = await resource(graph).create(call(), INPUTS)

    assert graph.writes == ["POST /validateCredentials"]
    assert graph.bodies == [{"useSavedCredentials": True, "credentials": []}]
    assert (made.id, made.state.result, made.state.tested_at) == (RESOURCE_ID, "passed", "2026-11-24T12:00:00+00:00")


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("Unauthorized (401)", "Azure Tenant ID"),
        ("Forbidden (403)", "refuses it"),
        ("NotFound (404)", "Enable it in KZero"),
        ("Not Found", "case of the tenant's name"),
        ("Could not establish trust relationship for the SSL/TLS secure channel", "certificate"),
        ("The operation has timed out", "in time"),
        ("The remote name could not be resolved: 'kzero.invalid'", "DNS"),
        ("InternalServerError (500)", "endpoint failed"),
        ("Moved (302)", "redirects"),
        ("Unexpected character encountered while parsing value: <", "not the address of a SCIM endpoint"),
        ("something new", "letter by letter"),
    ],
)
async def test_a_refusal_has_entras_words_and_what_they_usually_mean(message: str, said: str) -> None:
    """One line with code, message, meaning and remedy."""
    graph = ScriptedGraph(refusals=[refusal(message)] * 3)

    with pytest.raises(ProviderError) as caught:
        await resource(graph).create(call(), INPUTS)

    line = str(caught.value)
    assert "CredentialValidationUnavailable" in line
    assert message in line
    assert said in line
    assert "\n" not in line


async def test_replaced_credentials_may_need_a_moment() -> None:
    """Entra goes on with the old ones for a while: a refusal of the token is tried again, a bounded number of times."""
    graph, sleeps = ScriptedGraph(refusals=[refusal("Unauthorized (401)")] * 2), list[float]()

    made = await resource(graph, sleeps).create(call(), INPUTS)

    assert made.state.result == "passed"
    assert sleeps == [2.0, 5.0]


async def test_what_cannot_pass_by_itself_is_not_tried_again() -> None:
    """An endpoint that is not there is reported at once."""
    graph = ScriptedGraph(refusals=[refusal("NotFound (404)")] * 3)

    with pytest.raises(ProviderError):
        await resource(graph).create(call(), INPUTS)
    assert len(graph.writes) == 1


async def test_graphs_own_refusal_is_not_explained_away() -> None:
    """A job that is gone, or a missing permission, is no failed test."""
    graph = ScriptedGraph(exists=False)

    with pytest.raises(GraphError) as caught:
        await resource(graph).create(call(), INPUTS)
    assert "usually means" not in str(caught.value)


async def test_a_changed_trigger_is_named_and_tests_again() -> None:
    """The endpoint's settings changed."""
    graph = ScriptedGraph()
    state = (await resource(graph).create(call(), INPUTS)).state
    new = replace(INPUTS, triggers={"credentials": "1", "endpoint": "2"})

    assert await resource(graph).diff(call(), RESOURCE_ID, state, INPUTS) == []
    assert await resource(graph).diff(call(), RESOURCE_ID, state, new) == [Change("triggers.endpoint")]
    assert (await resource(graph).update(call(), RESOURCE_ID, state, new)).triggers == new.triggers
    assert len(graph.writes) == 2


async def test_an_unknown_trigger_tests_again() -> None:
    """The preview cannot know whether it changes."""
    graph = ScriptedGraph()
    state = (await resource(graph).create(call(), INPUTS)).state
    new = replace(INPUTS, triggers={"credentials": UNKNOWN, "endpoint": "1"})

    assert await resource(graph).diff(call(), RESOURCE_ID, state, new) == [Change("triggers.credentials")]
    planned = await resource(graph).plan(call(preview=True), new, state)
    assert (planned.result, planned.tested_at) == ("passed", UNKNOWN)


async def test_a_refresh_asks_nothing_and_an_import_tests() -> None:
    """There is nothing to read; but an import must not invent a passed test."""
    graph = ScriptedGraph(refusals=[refusal("NotFound (404)")])
    with pytest.raises(ProviderError, match="did not pass"):
        await resource(graph).read(call(), RESOURCE_ID, None)

    found = await resource(graph).read(call(), RESOURCE_ID, None)
    assert found is not None
    graph.asked.clear()
    again = await resource(graph).read(call(), RESOURCE_ID, found.state)

    assert again == found
    await resource(graph).delete(call(), RESOURCE_ID, found.state)
    assert graph.asked == []


def test_every_meaning_has_a_remedy() -> None:
    """Nothing is said without what to look at."""
    assert meaning("").text
