"""Each point of the checklist passes or fails only by its own evidence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from kzero_scim.guide.checklist import ITEMS, UNKNOWN, Evidence, as_output, judge

COMPLETE = Evidence(
    tenant_url="https://kzero.example/realms/Contoso/scim/v2",
    answer={"status": 401, "meaning": "alive, wants a token"},
    alive=True,
    mappers=["status", "loginName"],
    rows=["active", "userName"],
    application_name="KZero Passwordless SCIM",
    service_principal_id="11111111-1111-4111-8111-111111111111",
    assigned=["alex@contoso.example"],
    job_id="scim.1.2",
    schedule_state="Active",
    test_result="passed",
    tested_at="2026-01-01T00:00:00Z",
    test_user="alex@contoso.example",
    on_demand_result="success",
    comparisons=[{"attribute": "userName", "equal": True}],
    kzero_user_id="22222222-2222-4222-8222-222222222222",
)


def test_a_complete_tenant_passes_all_seven_in_the_guides_order() -> None:
    """A complete tenant passes all seven points, which have the guide's titles and evidence."""
    items = judge(COMPLETE)

    assert [item.item for item in items] == list(ITEMS)
    assert all(item.passed and item.evidence for item in items)
    assert as_output(items)[0].keys() == {"item", "passed", "evidence"}


def test_an_empty_tenant_passes_none() -> None:
    """Without evidence, no point passes."""
    assert not any(item.passed for item in judge(Evidence()))


@pytest.mark.parametrize(
    ("number", "change"),
    [
        (1, {"alive": False}),
        (2, {"mappers": []}),
        (2, {"rows": []}),
        (3, {"service_principal_id": None}),
        (4, {"assigned": []}),
        (5, {"schedule_state": "Paused"}),
        (5, {"quarantine": {"reason": "EncounteredQuarantineException"}}),
        (6, {"test_result": None}),
        (7, {"on_demand_result": "failure"}),
        (7, {"comparisons": [{"attribute": "tag", "equal": False}]}),
        (7, {"test_user": None}),
    ],
)
def test_missing_evidence_fails_only_its_own_point(number: int, change: dict[str, Any]) -> None:
    """Missing evidence fails its own point and no other."""
    failed = [index for index, item in enumerate(judge(replace(COMPLETE, **change)), 1) if not item.passed]

    assert failed == [number]


def test_the_whole_directory_needs_no_assignment() -> None:
    """With scope all, the point about assignments passes without assignments."""
    assert judge(replace(COMPLETE, assigned=[], everybody=True))[3].passed


def test_a_live_problem_replaces_the_evidence() -> None:
    """A problem from a live check fails its point and replaces the evidence of the last update."""
    items = judge(replace(COMPLETE, problems={2: "mappers.tag is missing"}))

    assert (items[1].passed, items[1].evidence) == (False, "mappers.tag is missing")


def test_a_test_user_who_was_not_looked_up_is_unknown() -> None:
    """Entra's report alone does not pass the seventh point, unless the stack asks for no look-up."""
    unseen = replace(COMPLETE, kzero_user_id=None, comparisons=[], not_compared=["only Entra knows the name"])

    for verify in ("attributes", "user"):
        item = judge(replace(unseen, verify=verify))[6]
        assert (item.passed, item.is_unknown) == (False, True)
        assert item.evidence.startswith("unknown: ")
        assert "only Entra knows the name" in item.evidence
    assert judge(replace(unseen, verify="off"))[6].passed
    failed = judge(replace(unseen, on_demand_result=None))[6]
    assert (failed.passed, failed.is_unknown) == (False, False)


def test_a_point_that_could_not_be_asked_is_unknown() -> None:
    """A problem that begins with "unknown" marks its point as unknown, and the point has not passed."""
    items = judge(replace(COMPLETE, problems={1: f"{UNKNOWN}no answer", 2: "gone"}))

    assert [item.is_unknown for item in items[:3]] == [True, False, False]
    assert [item.passed for item in items[:3]] == [False, False, True]


def test_what_was_not_compared_is_evidence() -> None:
    """The seventh point names what was not compared, and passes by the rest."""
    item = judge(replace(COMPLETE, not_compared=["tag was not compared: no row"]))[6]

    assert item.passed
    assert "1 of 1 attributes equal; tag was not compared: no row" in item.evidence
