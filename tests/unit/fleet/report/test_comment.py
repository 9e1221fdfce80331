"""Tests of the pull request comment: it keeps what is important, and no text in it is active."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import cmarkgfm
import pytest
from cmarkgfm.cmark import Options
from hypothesis import given, settings
from hypothesis import strategies as st

from kzero_scim.display import one_line
from kzero_scim.entra.synchronization_job import Quarantine
from kzero_scim.errors import SettingsError
from kzero_scim.fleet.model import Command, FleetRun, Outcome, PropertyChange, ResourceChange, TenantResult
from kzero_scim.fleet.report.comment import LEAST, LIMITS, headline_of_run, marker_of, render_comment
from kzero_scim.tenant.drift import Difference
from kzero_scim.tenant.status import StatusReport
from tools import comment_gallery


class _Shown(HTMLParser):
    """The visible text of a comment, and whether every tag is closed."""

    VOID = frozenset({"br", "hr", "img", "input"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.live: list[str] = []
        self.code: list[str] = []
        self.comments: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag != "a" or dict(attrs)["href"] == "https://ci.example/1"
        self.tags.add(tag)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        (self.code if {"code", "pre"} & set(self.open) else self.live).append(data)

    def handle_comment(self, data: str) -> None:
        self.comments.append(data)


def shown(comment: str) -> _Shown:
    """Parse a comment like GitHub, before mentions and references in plain text."""
    page = _Shown()
    html: str = cmarkgfm.github_flavored_markdown_to_html(comment, Options.CMARK_OPT_UNSAFE)
    page.feed(html)
    page.close()
    return page


def check(comment: str, limit: int) -> _Shown:
    """Check what is true for every comment."""
    assert len(comment) <= limit
    page = shown(comment)
    assert page.open == []
    assert page.tags <= {"details", "summary", "b", "code", "pre", "h3", "h4", "p", "ul", "li", "sub", "strong", "a",
                         "br"}  # fmt: skip
    assert len(page.comments) == 1, "the marker is the only hidden text"
    assert not re.search(r"[@!]|#\d|://", "".join(page.live)), "mentions, references and addresses are code"
    return page


_ODD = st.sampled_from(
    ["@org/team", "#1", "`", "``", "```", "~~~", "<!--", "-->", "</details>", "</summary>", "<b>", "&lt;", "\n", "\n\n",
     "    ", "# ", "- ", "|", "\\", "[x](y)", "![x](y)", "https://x.example", "\u202e", "\x00", " ", "$x$",
     ":tada:", "\t"]
)  # fmt: skip
_TEXT = st.lists(_ODD | st.text(max_size=5), max_size=4).map("".join)
_VALUES = st.none() | st.booleans() | _TEXT | st.dictionaries(_TEXT, _TEXT, max_size=2)
_CHANGES = st.lists(
    st.builds(
        ResourceChange,
        resource=st.sampled_from(["MapperSet", "AppRoleAssignments", "ConnectionTest"]) | _TEXT,
        name=_TEXT,
        operation=st.sampled_from(["create", "update", "replace", "delete"]) | _TEXT,
        properties=st.lists(
            st.builds(
                PropertyChange,
                property=st.sampled_from(["mappers.tag", "users[1]", "triggers.x"]) | _TEXT.map("mappers.{}".format),
                kind=st.sampled_from(["add", "update", "delete", "replace"]) | _TEXT,
                was=_VALUES,
                now=_VALUES,
            ),
            max_size=2,
        ),
    ),
    max_size=2,
)
_DRIFT = st.lists(
    st.builds(Difference, resource=_TEXT, property=_TEXT, was=_VALUES, now=_VALUES, who=_TEXT, when=_TEXT), max_size=2
)
_RESULTS = st.builds(
    TenantResult,
    tenant=_TEXT,
    outcome=st.sampled_from(list(Outcome)),
    changes=_CHANGES,
    drift=_DRIFT,
    error=_TEXT,
    warnings=st.lists(_TEXT, max_size=2),
    log=_TEXT,
    status=st.none() | st.builds(StatusReport, status=_TEXT, quarantine=st.none() | st.just(Quarantine(reason="`@a"))),
    names=st.lists(_TEXT, max_size=2),
)
_RUNS = st.builds(
    FleetRun,
    command=st.sampled_from(list(Command)),
    project=_TEXT,
    began=_TEXT | st.just("2026-11-24T03:00:00Z"),
    ended=_TEXT | st.just("2026-11-24T04:00:00Z"),
    commit=_TEXT,
    results=st.lists(_RESULTS, max_size=8),
)


@given(_RUNS, st.integers(LEAST, 9_000), st.sampled_from(["", "https://ci.example/1"]))
def test_whatever_a_run_holds_nothing_breaks_out(run: FleetRun, limit: int, link: str) -> None:
    """With any text, the limit holds, tags and fences are balanced, and no text is active."""
    comment = render_comment(run, limit, link=link)

    check(comment, limit)
    assert comment.startswith(f"{marker_of(run)}\n\n")
    assert comment.count("\n<!-- kzero-scim") == 0


@given(_RUNS)
def test_every_failed_tenant_is_named(run: FleetRun) -> None:
    """Every failed tenant is named as code, with its whole name."""
    page = check(render_comment(run, LIMITS["gitlab"]), LIMITS["gitlab"])

    code = [piece.strip() for piece in page.code]
    for result in run.results:
        if result.outcome in {Outcome.FAILED, Outcome.TIMED_OUT, Outcome.NOT_RUN}:
            assert (one_line(result.tenant) or "(empty)").strip() in code


@settings(max_examples=6)
@given(st.integers(LEAST, 70_000))
def test_failures_and_headlines_are_the_last_to_be_cut(limit: int) -> None:
    """With a thousand tenants, counts, failures and headlines stay, and the comment says what is cut."""
    run = comment_gallery.EXAMPLES["thousand"].run
    comment = render_comment(run, limit, link="https://ci.example/1")

    page = check(comment, limit)
    text = "".join(page.live)
    assert "19 failed, 881 would change, 100 unchanged" in text
    assert f"Shortened to {limit:,} characters: " in text
    assert comment.count("https://ci.example/1") == 1
    assert "adatum-03" in page.code
    if "mappers.tag" in comment or limit > 10_000:
        assert "580 tenants" in text, "a headline stays longer than the details"
        assert {f"{name}" for name in ("adatum-01", "margie-02")} <= set(page.code), "failed tenants are named"


def test_what_costs_least_to_lose_goes_first() -> None:
    """Details of ordinary changes are cut first, then risky details, headlines, and last failures."""
    run = comment_gallery.EXAMPLES["thousand"].run

    def holds(limit: int) -> list[bool]:
        comment = render_comment(run, limit)
        places = ("newcomer-99", "adatum-99", "ApplicationFromTemplate", "580 tenants", "kzeroTenant is missing")
        return [place in comment for place in places]

    ladder = [holds(limit) for limit in (LEAST, 4_000, 8_000, 16_000, 32_000, 64_000, 150_000, 300_000)]

    assert all(holds(LIMITS["gitlab"]))
    lost = [next((step for step, held in enumerate(ladder) if held[place]), len(ladder)) for place in range(5)]
    assert lost == sorted(lost, reverse=True)


def test_more_failures_than_fit_are_named_as_far_as_they_fit() -> None:
    """If all tenants fail, the comment has the reason, as many names as fit, and the count."""
    results = [
        TenantResult(tenant=f"tenant-{number:05}", outcome=Outcome.FAILED, error="401 Unauthorized")
        for number in range(5_000)
    ]
    run = FleetRun(command=Command.UP, project="p", began="", ended="", results=results)

    page = check(render_comment(run), 64_000)

    named = sum(piece.startswith("tenant-") for piece in page.code)
    assert named >= 2_000
    assert f"and {5_000 - named:,} more" in "".join(page.live)
    assert "1 entry lacks details" in "".join(page.live)


def test_two_projects_and_two_commands_have_comments_of_their_own() -> None:
    """The first line differs per project and command, whatever the project's name."""
    runs = [
        FleetRun(command=command, project=project, began="", ended="")
        for command in (Command.PREVIEW, Command.DRIFT)
        for project in ("kzero-scim", "other", "a--b", "a--c", "-->", "ends-")
    ]

    markers = [marker_of(run) for run in runs]

    assert len(set(markers)) == len(runs)
    assert markers[0] == "<!-- kzero-scim fleet preview: kzero-scim -->"
    assert all(re.fullmatch(r"<!-- kzero-scim fleet \w+: [\w.-]+ -->", marker) for marker in markers)


@pytest.mark.parametrize(
    ("command", "outcomes", "headline"),
    [
        (Command.PREVIEW, "", "no tenant selected"),
        (Command.PREVIEW, "unchanged unchanged", "no changes in 2 tenants"),
        (Command.DRIFT, "unchanged", "no drift in 1 tenant"),
        (Command.UP, "changed failed not-run unchanged", "1 failed, 1 changed, 1 skipped, 1 unchanged"),
        (Command.PREVIEW, "changed failed", "1 failed, 1 would change"),
        (Command.STATUS, "unhealthy unchanged timed-out", "1 timed out, 1 unhealthy, 1 healthy"),
    ],
)
def test_the_headline_says_what_matters(command: Command, outcomes: str, headline: str) -> None:
    """The headline starts with the worst outcome and says if no tenant was selected."""
    results = [TenantResult(tenant=str(n), outcome=Outcome(outcome)) for n, outcome in enumerate(outcomes.split())]

    assert headline_of_run(FleetRun(command=command, project="p", began="", ended="", results=results)) == headline


@pytest.mark.parametrize(
    ("limit", "link", "error"),
    [
        (1_999, "", "1,999 characters are too few for a comment"),
        (64_000, "javascript:alert(1)", "not a web address"),
        (64_000, "https://x/) [y](z", "not a web address"),
        (64_000, "https://x\n", "not a web address"),
    ],
)
def test_a_limit_or_link_that_cannot_be_is_refused(limit: int, link: str, error: str) -> None:
    """A wrong limit or link is refused in one line before anything is written."""
    with pytest.raises(SettingsError, match=error):
        render_comment(comment_gallery.EXAMPLES["typical"].run, limit, link=link)


@pytest.mark.parametrize("name", sorted(comment_gallery.pages()))
def test_the_gallery_is_what_the_code_makes(name: str) -> None:
    """The example comments equal the code's output; after a change, run `make generate` and review."""
    assert (comment_gallery.FOLDER / name).read_text(encoding="utf-8") == comment_gallery.pages()[name]


def test_the_gallery_holds_nothing_else() -> None:
    """The gallery has no page without an example."""
    assert {path.name for path in comment_gallery.FOLDER.iterdir()} == set(comment_gallery.pages())


@pytest.mark.parametrize("name", sorted(comment_gallery.EXAMPLES))
def test_a_page_of_the_gallery_fits_and_is_inert(name: str) -> None:
    """Every example comment fits the limit and is inert, including hostile names."""
    example = comment_gallery.EXAMPLES[name]

    check(example.comment.replace(example.link or "\0", "https://ci.example/1"), example.limit)
