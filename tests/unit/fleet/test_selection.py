"""Tests of the selection of tenants."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.errors import SettingsError
from kzero_scim.fleet.model import Command, FleetRun, Outcome, TenantResult
from kzero_scim.fleet.project import FleetProject
from kzero_scim.fleet.selection import Selection, Shard, select

_TAGS = {"alpha": "[canary, emea]", "beta": "[emea]", "gamma": "[apac]", "delta": "[]"}


@pytest.fixture
def project(tmp_path: Path) -> FleetProject:
    """Four tenants, one of which has its users in a separate file."""
    (tmp_path / "Pulumi.yaml").write_text("name: kzero-scim\nruntime: python\n")
    (tmp_path / "fleet.yaml").write_text("exclude: ['*-example']\n")
    (tmp_path / "stacks").mkdir()
    for name, tags in _TAGS.items():
        users = "\n  kzero-scim:usersFile: stacks/gamma-users.txt" if name == "gamma" else ""
        (tmp_path / "stacks" / f"Pulumi.{name}.yaml").write_text(f"config:\n  kzero-scim:tags: {tags}{users}\n")
    (tmp_path / "stacks" / "gamma-users.txt").write_text("alex@gamma.example\n")
    return FleetProject.load(tmp_path)


def _names(project: FleetProject, selection: Selection, failed: tuple[str, ...] = ()) -> list[str]:
    return [tenant.name for tenant in select(project, selection, failed).tenants]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), ["alpha", "beta", "delta", "gamma"]),
        (Selection(names=("beta", "*l*a*")), ["alpha", "beta", "delta"]),
        (Selection(tags=("emea",)), ["alpha", "beta"]),
        (Selection(tags=("apac", "canary")), ["alpha", "gamma"]),
        (Selection(tags=("emea+canary",)), ["alpha"]),
        (Selection(names=("beta", "gamma"), tags=("emea",)), ["beta"]),
        (Selection(failed=True), ["delta"]),
    ],
)
def test_filters_leave_those_whom_all_of_them_mean(
    project: FleetProject, selection: Selection, expected: list[str]
) -> None:
    """Names and tags each match any of several, filters combine with AND, and results are sorted."""
    assert _names(project, selection, ("delta", "gone")) == expected


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        (Selection(names=("gama",)), 'no tenant is named "gama"; did you mean "gamma"?'),
        (Selection(names=("Alpha",)), 'no tenant is named "Alpha"; did you mean "alpha"?'),
        (Selection(names=("",)), "a tenant's name is blank"),
        (Selection(names=("alpha", " ")), "a tenant's name is blank"),
        (Selection(names=("alpha", "zz*")), 'no tenant is named "zz*"; `kzero-scim fleet list` shows all names'),
        (Selection(names=("new-example",)), '"new-example" is not a tenant of the fleet: fleet.yaml excludes it'),
        (Selection(tags=("latam",)), '--tag: no tenant has the tag "latam"; `kzero-scim fleet list` shows all names'),
        (Selection(tags=("emea", "canry")), '--tag: no tenant has the tag "canry"; did you mean "canary"?'),
        (Selection(tags=("emea+apac",)), "--tag: no tenant has emea+apac; "),
        (Selection(names=("gamma",), tags=("emea",)), "--tag: no tenant of gamma has emea; "),
        (Selection(failed=True), "--failed: no document of a run of the fleet in "),
        (Selection(failed_in=Command.UP), "--failed: no document of a run of fleet up in "),
    ],
)
def test_what_matches_nothing_is_an_error(project: FleetProject, selection: Selection, words: str) -> None:
    """A name or tag that matches no tenant is an error."""
    with pytest.raises(SettingsError) as caught:
        select(project, selection)

    assert str(caught.value).startswith(words)


@given(st.sets(st.text("abcdef-1", min_size=1, max_size=8), max_size=40), st.integers(1, 12))
def test_every_tenant_is_in_exactly_one_shard(tenants: set[str], count: int) -> None:
    """Each tenant is in exactly one shard, which depends only on its name."""
    for tenant in tenants:
        assert sum(Shard(number=number, of=count).has(tenant) for number in range(1, count + 1)) == 1


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0", "-1/2"])
def test_a_shard_that_is_none_is_refused(text: str) -> None:
    """The error for a malformed shard shows an example."""
    with pytest.raises(SettingsError, match="for example 2/5"):
        Shard.parse(text)


@given(st.integers(2, 10), st.text("abcdefghij-", min_size=1, max_size=6))
def test_shards_are_about_equal(count: int, prefix: str) -> None:
    """Shards of a thousand tenants have about the same size, whatever the names."""
    sizes = Counter(
        number
        for tenant in (f"{prefix}{index:04d}" for index in range(1000))
        for number in range(1, count + 1)
        if Shard(number=number, of=count).has(tenant)
    )

    assert sum(sizes.values()) == 1000
    # Six standard deviations of a fair draw: a hash that is not even leaves it at once.
    allowed = 6 * (1000 * (1 / count) * (1 - 1 / count)) ** 0.5
    assert all(abs(sizes[number] - 1000 / count) < allowed for number in range(1, count + 1))


def test_a_tenants_shard_is_the_same_in_every_version() -> None:
    """A tenant's shard never changes, so that pipelines with two versions run each tenant once."""
    assert [next(n for n in (1, 2, 3) if Shard(number=n, of=3).has(name)) for name in _TAGS] == [3, 1, 1, 2]


def _leave(project: FleetProject, command: Command, ended: str, **outcomes: Outcome) -> None:
    results = [TenantResult(tenant=tenant, outcome=outcome) for tenant, outcome in outcomes.items()]
    run = FleetRun(command=command, project="kzero-scim", began=ended, ended=ended, results=results)
    project.runs.mkdir(parents=True, exist_ok=True)
    (project.runs / f"{command}.json").write_text(json.dumps(run.document()))


def test_failed_means_the_last_run_of_any_command_or_of_the_named(project: FleetProject) -> None:
    """--failed selects failed, timed-out and skipped tenants, not drifted or unhealthy ones."""
    _leave(project, Command.UP, "2026-01-01T10:00:00Z", alpha=Outcome.FAILED, beta=Outcome.CHANGED)
    _leave(
        project,
        Command.PREVIEW,
        "2026-01-01T11:00:00Z",
        alpha=Outcome.UNHEALTHY,
        beta=Outcome.TIMED_OUT,
        gamma=Outcome.NOT_RUN,
        delta=Outcome.DRIFTED,
    )

    assert [tenant.name for tenant in select(project, Selection(failed=True)).tenants] == ["beta", "gamma"]
    assert [tenant.name for tenant in select(project, Selection(failed_in=Command.UP)).tenants] == ["alpha"]


def test_an_empty_selection_says_which_filter_left_nothing(project: FleetProject) -> None:
    """An empty selection is not an error; a note names the filter."""
    _leave(project, Command.UP, "2026-01-01T10:00:00Z", alpha=Outcome.CHANGED)
    alone = next(n for n in (1, 2, 3) if not Shard(number=n, of=3).has("alpha"))

    nobody_failed = select(project, Selection(failed=True, shard=Shard(number=1, of=3)))
    other_shard = select(project, Selection(names=("alpha",), shard=Shard(number=alone, of=3)))

    assert (nobody_failed.tenants, other_shard.tenants) == ([], [])
    assert nobody_failed.notes == ["no tenant selected: none failed or was skipped in the last run"]
    assert other_shard.notes == [f"no tenant selected: shard {alone}/3 is empty"]


def test_a_tenant_whose_tags_cannot_be_read_is_told(project: FleetProject) -> None:
    """A note names a tenant whose tags cannot be read."""
    (project.folder / "stacks" / "Pulumi.beta.yaml").write_text("config: [\n")

    found = select(FleetProject.load(project.folder), Selection(tags=("emea",)))

    assert [tenant.name for tenant in found.tenants] == ["alpha"]
    assert len(found.notes) == 1
    assert found.notes[0].startswith("could not read the tags of beta: ")
