"""Tests of the merged view of runs, and of the page's data and policy."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.display import one_line, several_lines
from kzero_scim.entra.cycle_history import PastCycle
from kzero_scim.entra.synchronization_job import Cycle
from kzero_scim.fleet.model import Command, FleetRun, Outcome, PropertyChange, ResourceChange, TenantResult
from kzero_scim.fleet.page import render_page
from kzero_scim.fleet.page.alike import alike_tenants
from kzero_scim.fleet.page.render import MOST_CHARACTERS
from kzero_scim.fleet.page.tenants import State, TenantView, merge
from kzero_scim.tenant.drift import Difference
from kzero_scim.tenant.status import StatusReport

CHANGES = [ResourceChange(resource="MapperSet", name="mappers", operation="update")]
DRIFT = [Difference(resource="ProvisioningStatus", property="enabled", was=True, now=False)]
_WITH: dict[Outcome, dict[str, object]] = {
    Outcome.CHANGED: {"changes": CHANGES},
    Outcome.DRIFTED: {"drift": DRIFT},
    Outcome.FAILED: {"error": "no"},
}


def run(command: Command, hour: int, outcome: Outcome, **more: object) -> FleetRun:
    """Return a run with one tenant that ended at this hour."""
    ended = f"2026-03-12T{hour:02}:00:00Z"
    result = TenantResult(tenant="contoso", outcome=outcome, **(_WITH.get(outcome, {}) | more))  # type: ignore[arg-type]
    return FleetRun(command=command, project="p", began=ended, ended=ended, results=[result])


def only(*runs: FleetRun) -> TenantView:
    """Return the view of the only tenant in runs."""
    (tenant,) = merge(runs)
    return tenant


PREVIEW, UP, REFRESH, SWEEP, STATUS = Command.PREVIEW, Command.UP, Command.REFRESH, Command.DRIFT, Command.STATUS


@pytest.mark.parametrize(
    ("looks", "states"),
    [
        ([(PREVIEW, Outcome.UNCHANGED)], ["unchanged"]),
        ([(PREVIEW, Outcome.CHANGED)], ["pending"]),
        ([(PREVIEW, Outcome.CHANGED), (UP, Outcome.CHANGED)], ["unchanged"]),
        ([(UP, Outcome.CHANGED), (PREVIEW, Outcome.CHANGED)], ["pending"]),
        ([(PREVIEW, Outcome.CHANGED), (UP, Outcome.FAILED)], ["failed", "pending"]),
        ([(PREVIEW, Outcome.CHANGED), (UP, Outcome.NOT_RUN)], ["pending", "not-run"]),
        ([(UP, Outcome.NOT_RUN), (UP, Outcome.CHANGED)], ["unchanged"]),
        ([(PREVIEW, Outcome.FAILED), (UP, Outcome.UNCHANGED)], ["unchanged"]),
        ([(PREVIEW, Outcome.TIMED_OUT), (STATUS, Outcome.UNCHANGED)], ["failed"]),
        ([(SWEEP, Outcome.DRIFTED)], ["drifted"]),
        ([(SWEEP, Outcome.DRIFTED), (SWEEP, Outcome.UNCHANGED)], ["unchanged"]),
        ([(SWEEP, Outcome.DRIFTED), (SWEEP, Outcome.FAILED)], ["failed", "drifted"]),
        ([(SWEEP, Outcome.DRIFTED), (UP, Outcome.CHANGED)], ["drifted"]),
        ([(STATUS, Outcome.UNHEALTHY)], ["unhealthy"]),
        ([(STATUS, Outcome.UNKNOWN)], ["unknown"]),
        ([(STATUS, Outcome.UNCHANGED)], ["healthy"]),
        ([(STATUS, Outcome.UNCHANGED), (UP, Outcome.CHANGED)], ["healthy"]),
        ([(STATUS, Outcome.UNCHANGED), (STATUS, Outcome.UNKNOWN)], ["unknown"]),
    ],
)
def test_each_fact_is_from_the_newest_run_that_looked_at_it(
    looks: list[tuple[Command, Outcome]], states: list[str]
) -> None:
    """A later run supersedes an earlier one of its family only, in any order of files."""
    runs = [run(command, hour, outcome) for hour, (command, outcome) in enumerate(looks)]

    assert only(*runs).states == states
    assert only(*reversed(runs)).states == states


@pytest.mark.parametrize("word", ["quarantine", "paused", "errors"])
def test_an_unhealthy_tenant_is_what_its_status_says(word: str) -> None:
    """An unhealthy tenant has the state that `kzero-scim status` reports."""
    assert only(run(STATUS, 1, Outcome.UNHEALTHY, status=StatusReport(status=word))).states == [word]


def test_drift_from_before_an_up_is_marked() -> None:
    """Drift that was found before an up is kept and marked as old."""
    found = only(run(SWEEP, 1, Outcome.DRIFTED), run(UP, 2, Outcome.CHANGED))

    assert found.states == [State.DRIFTED]
    assert found.applied_since


def test_the_reason_is_told_in_one_line() -> None:
    """The reason is the failure's error, the quarantine's reason, the first user in error, or the change."""
    cause = {"reason": "TooManyDeletes", "errorMessage": "held back"}
    quarantine = StatusReport.from_document({"status": "quarantine", "quarantine": cause})
    users = [{"name": "kim", "message": "twice"}, {"name": "alex", "message": "no"}]
    errors = StatusReport.from_document({"status": "errors", "inError": users})
    mapper = PropertyChange(property="mappers.tag", kind="add", now={})
    changes = [ResourceChange(resource="MapperSet", name="mappers", operation="update", properties=[mapper])]

    assert only(run(UP, 1, Outcome.FAILED, error="no realm")).why == "no realm"
    assert only(run(UP, 1, Outcome.TIMED_OUT)).why == "up timed out"
    assert only(run(STATUS, 1, Outcome.UNHEALTHY, status=quarantine)).why == "TooManyDeletes: held back"
    assert only(run(STATUS, 1, Outcome.UNHEALTHY, status=errors)).why == "2 in error: kim: twice"
    failing = StatusReport(status="failing", reason="the last 3 cycles failed as a whole")
    assert only(run(STATUS, 1, Outcome.UNHEALTHY, status=failing)).why == f"failing: {failing.reason}"
    unknown = StatusReport(status="unknown", reason="no cycle has finished yet")
    assert only(run(STATUS, 1, Outcome.UNKNOWN, status=unknown)).why == unknown.reason
    assert only(run(PREVIEW, 1, Outcome.CHANGED, changes=changes)).why == "mapper tag added"
    assert only(run(UP, 1, Outcome.NOT_RUN, error="the canary failed")).why == "the canary failed"


def test_cycles_are_collected_from_all_statuses() -> None:
    """Cycles of older statuses extend the history, because a job reports at most three."""

    def cycle(ended: str, state: str, exported: int) -> Cycle:
        return Cycle(ended=ended, state=state, counts={"exported": exported, "escrowed": 1})

    older = run(STATUS, 1, Outcome.UNCHANGED, status=StatusReport(last_cycle=cycle("T1", "Succeeded", 4)))
    last, good = cycle("T3", "Failed", 0), cycle("T2", "Succeeded", 2)
    newer = run(STATUS, 2, Outcome.UNCHANGED, status=StatusReport(last_cycle=last, last_successful_cycle=good))

    assert only(newer, older, run(PREVIEW, 3, Outcome.UNCHANGED)).cycles == [
        PastCycle(ended="T1", state="Succeeded", exported=4, escrowed=1),
        PastCycle(ended="T2", state="Succeeded", exported=2, escrowed=1),
        PastCycle(ended="T3", state="Failed", exported=0, escrowed=1),
    ]


def several(count: int, outcome: Outcome, command: Command, **more: object) -> FleetRun:
    """Return a run over several tenants; ``{}`` in the error is the tenant's name."""
    values = _WITH.get(outcome, {}) | more
    names = [f"tenant-{number}" for number in range(count)]
    results = [
        TenantResult(tenant=name, outcome=outcome, **(values | {"error": str(values.get("error", "")).format(name)}))  # type: ignore[arg-type]
        for name in names
    ]
    return FleetRun(command=command, project="p", began="", ended="2026-03-12T00:00:00Z", results=results)


def test_tenants_of_which_the_same_is_to_be_told_are_a_group() -> None:
    """Tenants with the same issue form one group; a single tenant forms none."""
    failed = several(30, Outcome.FAILED, SWEEP, error="{} cannot sign in")
    mapper = PropertyChange(property="mappers.tag", kind="add", now={})
    changes = [ResourceChange(resource="MapperSet", name="mappers", operation="update", properties=[mapper])]

    found = alike_tenants(merge([failed, several(7, Outcome.CHANGED, PREVIEW, changes=changes)]))

    assert [(group.state, group.text, len(group.tenants)) for group in found] == [
        (State.FAILED, "<tenant> cannot sign in", 30),
        (State.PENDING, "mapper tag added", 7),
    ]
    assert (
        alike_tenants(merge([several(1, Outcome.FAILED, SWEEP, error="no"), several(1, Outcome.DRIFTED, SWEEP)])) == []
    )


class _Parts(HTMLParser):
    """Collects a page's scripts, styles, policy, and elements with their attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: dict[str, list[str]] = {"script": [], "style": []}
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._inside = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag if tag in self.texts else ""
        if self._inside:
            self.texts[tag].append("")

    def handle_endtag(self, tag: str) -> None:  # noqa: ARG002 - whichever ends, the script or style has ended
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.texts[self._inside][-1] += data


def parsed(html: str) -> _Parts:
    """Parse a page like a browser."""
    parts = _Parts()
    parts.feed(html)
    return parts


@given(
    st.text(min_size=1, max_size=40) | st.sampled_from(["</script>", "<!--<script>", "\u2028", "{{script}}", "\ud800"])
)
def test_every_text_survives_as_data_and_makes_no_element(text: str) -> None:
    """The page has the same elements whatever the names of tenants, tags and errors."""
    tenant = TenantResult(tenant=text, outcome=Outcome.FAILED, error=text, tags=[text])
    html = render_page([FleetRun(command=UP, project=text, began=text, ended=text, results=[tenant])])
    page = parsed(html.encode().decode())
    plain = TenantResult(tenant="t", outcome=Outcome.FAILED, error="e", tags=["g"])
    expected = parsed(render_page([FleetRun(command=UP, project="p", began="b", ended="e", results=[plain])]))

    assert page.elements == expected.elements
    data = json.loads(page.texts["script"][0])
    assert data["project"] == one_line(text)
    assert data["tenants"][0]["name"] == several_lines(text)


def test_the_policy_lets_the_pages_own_script_and_style_run() -> None:
    """The policy allows only the page's own script and style, by their hashes."""
    page = parsed(render_page([]))
    policy = next(attributes["content"] for tag, attributes in page.elements if "http-equiv" in attributes) or ""

    for kind, text in (("script", page.texts["script"][1]), ("style", page.texts["style"][0])):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy


def test_only_https_becomes_a_link() -> None:
    """Only https addresses become links; others are left out."""
    portals = {
        "good": "https://portal.example/",
        "bad": "javascript:alert(1)",
        "worse": "https://[",
        "plain": "http://x/",
    }
    page = parsed(render_page([run(UP, 1, Outcome.CHANGED, portals=portals)]))

    assert json.loads(page.texts["script"][0])["tenants"][0]["portals"] == {"good": "https://portal.example/"}


def test_the_page_is_bounded() -> None:
    """The page limits what it contains of one tenant and counts the rest."""
    users = [{"name": f"user {number}", "message": "x" * 9000} for number in range(5000)]
    errors = StatusReport.from_document({"status": "errors", "inError": users})
    html = render_page([run(STATUS, 1, Outcome.UNHEALTHY, status=errors)])
    tenant = json.loads(parsed(html).texts["script"][0])["tenants"][0]

    assert tenant["users"] == 5000
    assert len(tenant["inError"]) == 100
    assert len(tenant["inError"][0]["message"]) < MOST_CHARACTERS + 50
    assert len(html) < 500_000


def test_a_page_of_the_same_runs_is_the_same() -> None:
    """The same runs give the same page, without clock or chance, so that it can be compared and cached."""
    runs = [run(PREVIEW, 1, Outcome.CHANGED)]

    assert render_page(runs) == render_page(runs)
    assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", render_page(runs))
