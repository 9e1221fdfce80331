"""Faults of the local Entra: held requests, failures after processing, the n-th request, truncated answers."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from kzero_sandbox.entra.application_template import NON_GALLERY_TEMPLATE

from tests.contract.sandbox.entra.world import Entra

INSTANTIATE = f"/v1.0/applicationTemplates/{NON_GALLERY_TEMPLATE}/instantiate"
APPLICATION = {"displayName": "Made"}


@pytest.fixture
def others() -> Iterator[ThreadPoolExecutor]:
    """Yield threads for requests that wait while the test continues."""
    with ThreadPoolExecutor() as executor:
        yield executor


def _until(condition: Callable[[], Any]) -> None:
    """Check a condition repeatedly, for at most ten seconds."""
    pause = threading.Event()
    for _ in range(1000):
        if condition():
            return
        pause.wait(0.01)
    pytest.fail("the condition was not met within ten seconds")


def _add(http: httpx.Client, **fault: Any) -> str:  # noqa: ANN401 - JSON
    """Activate a fault and return its path in the control API."""
    [added] = http.post("/sandbox/faults", json=fault).raise_for_status().json()
    return f"/sandbox/faults/{added['id']}"


def test_a_request_is_held_until_the_faults_are_cleared(entra: Entra, others: ThreadPoolExecutor) -> None:
    """While a request is held, the rule shows it, even if the rule is used up; afterwards the service answers."""
    fault = _add(entra.http, path="^/v1.0/users$", hold=True)

    answer = others.submit(entra.http.get, "/v1.0/users")
    _until(lambda: entra.http.get(fault).json()["held"] == 1)
    assert not answer.done()
    entra.http.delete("/sandbox/faults").raise_for_status()

    assert answer.result(10).status_code == 200
    assert entra.http.get(fault).status_code == 404


def test_a_request_cut_off_before_processing_changes_nothing(entra: Entra, others: ThreadPoolExecutor) -> None:
    """A request that is held and then cut off never reaches the service."""
    before = entra.http.get("/sandbox/state").json()["applications"]
    fault = _add(entra.http, path="/instantiate$", hold=True, resetConnection=True)

    answer = others.submit(entra.http.post, INSTANTIATE, json=APPLICATION)
    _until(lambda: entra.http.get(fault).json()["held"] == 1)
    entra.http.delete("/sandbox/faults").raise_for_status()

    assert isinstance(answer.exception(10), httpx.RemoteProtocolError)
    assert entra.http.get("/sandbox/state").json()["applications"] == before


@pytest.mark.parametrize("kind", [{"status": 504}, {"status": 0, "resetConnection": True}])
def test_a_request_that_fails_after_processing_has_an_effect(entra: Entra, kind: dict[str, Any]) -> None:
    """As with a gateway that times out, the answer is an error or missing, but the object exists."""
    before = entra.http.get("/sandbox/state").json()["applications"]
    _add(entra.http, path="/instantiate$", when="after", **kind)

    try:
        status = entra.http.post(INSTANTIATE, json=APPLICATION).status_code
    except httpx.RemoteProtocolError:
        status = 0

    assert status == kind["status"]
    assert entra.http.get("/sandbox/state").json()["applications"] == before + 1


def test_the_nth_request_can_be_hit(entra: Entra) -> None:
    """Requests before and after the n-th one succeed."""
    _add(entra.http, path="^/v1.0/users$", status=500, skip=2)

    assert [entra.http.get("/v1.0/users").status_code for _ in range(4)] == [200, 200, 500, 200]


def test_an_answer_can_be_cut_short(entra: Entra) -> None:
    """The answer is half of the JSON, with a matching Content-Length."""
    whole = entra.http.get("/v1.0/users").content
    _add(entra.http, path="^/v1.0/users$", truncate=True)

    cut = entra.http.get("/v1.0/users")

    assert cut.status_code == 200
    assert cut.content == whole[: len(whole) // 2]


def test_a_fault_with_a_wrong_time_is_refused(entra: Entra) -> None:
    """The error lists the valid values."""
    answer = entra.http.post("/sandbox/faults", json={"path": "x", "when": "later"})

    assert (answer.status_code, "'before' or 'after'" in answer.text) == (400, True)
