"""Tests which requests ConnectionTest sends to Graph, and its errors if the test does not pass."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from kzero_scim.entra.connection_failure import meaning
from kzero_scim.errors import GraphError, ProviderError
from kzero_scim.provider.entra.connection_test.resource import ConnectionTest, ConnectionTestInputs
from kzero_scim.resource.model import UNKNOWN, Change, Found
from tests.contract.scripted_graph import JOB, PRINCIPAL, RESOURCE_ID, ScriptedGraph, call

INPUTS = ConnectionTestInputs(
    service_principal_id=PRINCIPAL, job_id=JOB, triggers={"credentials": "1", "endpoint": "1"}
)
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def refusal(message: str) -> dict[str, Any]:
    """Return Entra's error document for a test that does not pass."""
    return {
        "code": "CredentialValidationUnavailable",
        "message": f"We received this unexpected response from your application: {message}.",
        "innerError": {
            "code": "SystemForCrossDomainIdentityManagementCredentialValidationUnavailable",
            "message": message,
        },
    }


def resource(graph: ScriptedGraph, sleeps: list[float] | None = None) -> ConnectionTest:
    """Return the resource with this Graph."""
    waited = [] if sleeps is None else sleeps

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    return ConnectionTest(graph.services(), sleep=sleep, now=lambda: NOON)


async def test_a_passed_test() -> None:
    """A test sends one request with the saved credentials."""
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
    """A failed test reports the usual cause, the remedy and Entra's words in one line."""
    graph = ScriptedGraph(refusals=[refusal(message)] * 3)

    with pytest.raises(ProviderError) as caught:
        await resource(graph).create(call(), INPUTS)

    line = str(caught.value)
    assert "CredentialValidationUnavailable" in line
    assert message in line
    assert said in line
    assert "\n" not in line


async def test_replaced_credentials_may_need_a_moment() -> None:
    """A refused token is tested again a few times, because Entra uses old credentials for a while."""
    graph, sleeps = ScriptedGraph(refusals=[refusal("Unauthorized (401)")] * 2), list[float]()

    made = await resource(graph, sleeps).create(call(), INPUTS)

    assert made.state.result == "passed"
    assert sleeps == [2.0, 5.0]


async def test_what_cannot_pass_by_itself_is_not_tried_again() -> None:
    """A missing endpoint is reported at once."""
    graph = ScriptedGraph(refusals=[refusal("NotFound (404)")] * 3)

    with pytest.raises(ProviderError):
        await resource(graph).create(call(), INPUTS)
    assert len(graph.writes) == 1


async def test_graphs_own_refusal_is_not_explained_away() -> None:
    """A deleted job or a missing permission is not reported as a failed test."""
    graph = ScriptedGraph(exists=False)

    with pytest.raises(GraphError) as caught:
        await resource(graph).create(call(), INPUTS)
    assert "Usual cause" not in str(caught.value)


async def test_a_changed_trigger_is_named_and_tests_again() -> None:
    """A changed trigger is in the diff and repeats the test."""
    graph = ScriptedGraph()
    state = (await resource(graph).create(call(), INPUTS)).state
    new = replace(INPUTS, triggers={"credentials": "1", "endpoint": "2"})

    assert await resource(graph).diff(call(), RESOURCE_ID, state, INPUTS) == []
    assert await resource(graph).diff(call(), RESOURCE_ID, state, new) == [Change("triggers.endpoint")]
    assert (await resource(graph).update(call(), RESOURCE_ID, state, new)).triggers == new.triggers
    assert len(graph.writes) == 2


async def test_an_unknown_trigger_tests_again() -> None:
    """A trigger that the preview does not know repeats the test."""
    graph = ScriptedGraph()
    state = (await resource(graph).create(call(), INPUTS)).state
    new = replace(INPUTS, triggers={"credentials": UNKNOWN, "endpoint": "1"})

    assert await resource(graph).diff(call(), RESOURCE_ID, state, new) == [Change("triggers.credentials")]
    planned = await resource(graph).plan(call(preview=True), new, state)
    assert (planned.result, planned.tested_at) == ("passed", UNKNOWN)


async def test_a_refresh_asks_nothing_and_an_import_tests() -> None:
    """A refresh sends no request, but an import runs the test."""
    graph = ScriptedGraph(refusals=[refusal("NotFound (404)")])
    with pytest.raises(ProviderError, match="did not pass"):
        await resource(graph).read(call(), RESOURCE_ID, None)

    found = await resource(graph).read(call(), RESOURCE_ID, None)
    assert isinstance(found, Found)
    graph.asked.clear()
    again = await resource(graph).read(call(), RESOURCE_ID, found.state)

    assert again == found
    await resource(graph).delete(call(), RESOURCE_ID, found.state)
    assert graph.asked == []


def test_every_meaning_has_a_remedy() -> None:
    """Each explanation has a remedy."""
    assert meaning("").text
