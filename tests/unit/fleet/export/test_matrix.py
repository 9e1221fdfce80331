"""Tests of the jobs of a pipeline: every tenant once, balanced, in each platform's format."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from random import Random

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.errors import SettingsError
from kzero_scim.fleet.export.matrix import (
    Job,
    Platform,
    durations,
    failed,
    render,
    runs_at,
    safe_names,
    spread,
    write_files,
)
from kzero_scim.fleet.model import Command, FleetRun, Outcome, TenantResult
from kzero_scim.fleet.project import FleetTenant

_NAMES = st.text(alphabet="abcdefgh-_.0123456789", min_size=1, max_size=12)
_SECONDS = st.one_of(st.floats(min_value=0, max_value=3600), st.sampled_from([0.0, 1.0, 900.0]))


def a_run(ended: str, **seconds: float) -> FleetRun:
    results = [TenantResult(tenant=name, outcome=Outcome.UNCHANGED, seconds=took) for name, took in seconds.items()]
    return FleetRun(command=Command.PREVIEW, project="fleet", began=ended, ended=ended, results=results)


@given(history=st.dictionaries(_NAMES, _SECONDS), others=st.sets(_NAMES), jobs=st.integers(1, 300))
def test_every_tenant_is_in_one_job(history: dict[str, float], others: set[str], jobs: int) -> None:
    """Every tenant is in exactly one job, no job is empty, and there are not more jobs than asked for."""
    tenants = set(history) | others

    found = spread(tenants, history, jobs)

    assert sorted(itertools.chain.from_iterable(job.tenants for job in found)) == sorted(tenants)
    assert len(found) == min(jobs, len(tenants))
    assert all(job.tenants for job in found)
    assert [job.number for job in found] == list(range(1, len(found) + 1))


@given(history=st.dictionaries(_NAMES, _SECONDS, min_size=1), jobs=st.integers(1, 40))
def test_no_job_is_longer_than_the_mean_and_the_longest_tenant(history: dict[str, float], jobs: int) -> None:
    found = spread(history, history, jobs)

    mean = sum(history.values()) / len(found)
    longest = max(job.seconds for job in found if job.seconds is not None)
    assert longest <= mean + max(history.values()) + 1e-6


@given(seconds=st.lists(st.integers(0, 100), min_size=1, max_size=7), jobs=st.integers(1, 3))
def test_the_longest_job_is_within_a_third_of_the_best_spreading(seconds: list[int], jobs: int) -> None:
    """The longest job takes at most 4/3 of the best of all possible distributions."""
    history = {f"t{index}": float(took) for index, took in enumerate(seconds)}
    best = min(
        max(sum(took for took, where in zip(seconds, places, strict=True) if where == job) for job in range(jobs))
        for places in itertools.product(range(jobs), repeat=len(seconds))
    )

    found = spread(history, history, jobs)

    assert max(job.seconds for job in found if job.seconds is not None) <= (4 / 3 - 1 / (3 * jobs)) * best + 1e-6


@given(history=st.dictionaries(_NAMES, _SECONDS), order=st.randoms(use_true_random=False))
def test_the_order_of_tenants_changes_nothing(history: dict[str, float], order: Random) -> None:
    shuffled = list(history)
    order.shuffle(shuffled)

    assert spread(shuffled, history, 3) == spread(history, history, 3)


def test_tenants_without_history_count_as_the_median() -> None:
    found = spread(["new", "slow", "quick", "usual"], {"slow": 90, "quick": 1, "usual": 10}, 2)

    assert found == [Job(1, ("slow",), 90), Job(2, ("new", "usual", "quick"), 21)]


def test_without_any_history_tenants_are_counted() -> None:
    """Without durations, jobs get equal numbers of tenants and no seconds."""
    found = spread([f"t{index}" for index in range(10)], {}, 3)

    assert [(len(job.tenants), job.seconds) for job in found] == [(4, None), (3, None), (3, None)]


def test_the_last_time_that_a_tenant_came_to_an_end_counts() -> None:
    """The last finished run of a tenant counts, in any order of files; failed runs do not."""
    broken = TenantResult(tenant="a", outcome=Outcome.FAILED, seconds=0.1)
    late = FleetRun(command=Command.PREVIEW, project="fleet", began="", ended="2026-11-24T03:00:00Z", results=[broken])

    found = durations([late, a_run("2026-11-24T02:00:00Z", a=7.0, b=3.0), a_run("2026-11-24T01:00:00Z", a=99.0)])

    assert found == {"a": 7.0, "b": 3.0}
    assert failed([late, a_run("2026-11-24T02:00:00Z", a=7.0, b=3.0)]) == {"a"}
    assert failed([late, a_run("2026-11-24T04:00:00Z", a=7.0)]) == set()


NO_NAME = (
    '"{}" is not a stack name; use letters, digits, hyphens, underscores and full stops, and no hyphen at the start'
)


@pytest.mark.parametrize("name", ["$(reboot)", "a b", "a;b", "--yes", "", "."])
def test_a_name_that_a_shell_would_read_as_more_is_refused(name: str) -> None:
    """A pull request may bring a stack file of any name. The other tenants get their jobs."""
    found, notes = safe_names([FleetTenant(name, Path("stacks/x.yaml"), {}), FleetTenant("contoso", Path("c"), {})])

    assert found == ["contoso"]
    assert notes == [f"error: stacks/x.yaml is in no job: {NO_NAME.format(name)}"]


def test_github_takes_one_line_with_an_include() -> None:
    found = render([Job(1, ("b", "a"), 41.2), Job(2, ("c",), None)], Platform.GITHUB)

    assert "\n" not in found
    assert json.loads(found) == {
        "include": [{"job": "1", "tenants": "b a", "seconds": 42}, {"job": "2", "tenants": "c", "seconds": ""}]
    }


def test_azure_takes_an_object_of_texts_by_leg() -> None:
    found = render([Job(1, ("b", "a"), 41.2)], Platform.AZURE)

    assert json.loads(found) == {"job_1": {"job": "1", "tenants": "b a", "seconds": "42"}}


def test_gitlab_takes_a_child_pipeline_whose_job_names_are_short() -> None:
    """The matrix for GitLab is a child pipeline with job names under 255 characters."""
    tenants = tuple(f"tenant-{index:03}" for index in range(100))

    found = yaml.safe_load(render([Job(1, tenants, 41.2)], Platform.GITLAB))

    variables = {"JOB": "1", "TENANTS": " ".join(tenants), "SECONDS": "42"}
    assert found == {"fleet 1": {"extends": ".fleet", "variables": variables}}


@pytest.mark.parametrize(
    ("platform", "expected"),
    [
        (Platform.GITHUB, {"include": []}),
        (Platform.AZURE, {}),
        (Platform.GITLAB, {"fleet: nothing to do": {"script": ["true"]}}),
    ],
)
def test_no_tenants_give_a_matrix_that_a_pipeline_can_tell(platform: Platform, expected: object) -> None:
    assert yaml.safe_load(render(spread([], {}, 8), platform)) == expected


def test_more_than_a_platform_takes_is_refused_with_the_way_out() -> None:
    tenants = [f"{index:05}-{'x' * 90}" for index in range(10_000)]

    with pytest.raises(SettingsError, match=r"GitHub allows 524288 in a job's output; .* --files FOLDER"):
        render(spread(tenants, {}, 256), Platform.GITHUB)
    with pytest.raises(SettingsError, match=r"the 5000 tenants of job 1 are too long for a variable"):
        render(spread(tenants, {}, 2), Platform.AZURE)


def test_a_hundred_thousand_tenants_fit_by_files(tmp_path: Path) -> None:
    """With --files, the matrix names files, and files of an older matrix are deleted."""
    (tmp_path / "999.txt").write_text("old\n")
    (tmp_path / "notes.txt").write_text("mine\n")
    tenants = [f"tenant-{index:06}" for index in range(100_000)]

    jobs = spread(tenants, {}, 256)
    found = json.loads(render(jobs, Platform.GITHUB, write_files(jobs, tmp_path)))

    assert len(found["include"]) == 256
    assert found["include"][0] == {"job": "1", "file": f"{tmp_path}/1.txt", "seconds": ""}
    written = [line for entry in found["include"] for line in Path(entry["file"]).read_text().splitlines()]
    assert sorted(written) == tenants
    assert sorted(file.name for file in tmp_path.iterdir() if not file.stem.isdecimal()) == ["notes.txt"]
    assert not (tmp_path / "999.txt").exists()


def test_results_of_several_machines_are_read_from_a_folder(tmp_path: Path) -> None:
    for machine, run in {"1": a_run("2026", a=1.0), "2": a_run("2026", b=2.0)}.items():
        (tmp_path / machine).mkdir()
        (tmp_path / machine / "preview.json").write_text(json.dumps(run.document()))

    assert durations(runs_at([tmp_path])) == {"a": 1.0, "b": 2.0}


def test_a_file_that_is_no_result_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text("{")

    with pytest.raises(SettingsError, match=r"x\.json is not JSON"):
        runs_at([tmp_path])
    with pytest.raises(SettingsError, match=r"could not read .*absent\.json: No such file"):
        runs_at([tmp_path / "absent.json"])
