"""Tests of the order of tenants and of when to start no more."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.errors import SettingsError
from kzero_scim.fleet.model import Command, FleetRun, Outcome, TenantResult
from kzero_scim.fleet.project import FleetProject, FleetTenant
from kzero_scim.fleet.run.fingerprint import Fingerprints
from kzero_scim.fleet.run.plan import Schedule, default_parallel, to_resume, waves_of


def tenant(name: str, *tags: str) -> FleetTenant:
    """Return a tenant with tags."""
    return FleetTenant(name, Path(f"stacks/Pulumi.{name}.yaml"), {"config": {"kzero-scim:tags": list(tags)}})


FLEET = [tenant("alfa"), tenant("bravo", "canary"), tenant("charlie", "canary", "emea"), tenant("delta")]


def names(waves: list[list[FleetTenant]]) -> list[list[str]]:
    """Return the names of the tenants in waves."""
    return [[item.name for item in wave] for wave in waves]


def ended(name: str, outcome: Outcome = Outcome.CHANGED) -> TenantResult:
    """Return a tenant's result."""
    return TenantResult(tenant=name, outcome=outcome)


class TestWaves:
    """Tests of canaries."""

    @pytest.mark.parametrize(
        ("canary", "wanted"),
        [
            ("", [["alfa", "bravo", "charlie", "delta"]]),
            ("canary", [["bravo", "charlie"], ["alfa", "delta"]]),
            ("1", [["alfa"], ["bravo", "charlie", "delta"]]),
            ("9", [["alfa", "bravo", "charlie", "delta"], []]),
            # No selected tenant has the tag, as with --changed-since: the first tenant is the canary.
            ("nobody", [["alfa"], ["bravo", "charlie", "delta"]]),
        ],
    )
    def test_canaries_go_first(self, canary: str, wanted: list[list[str]]) -> None:
        """Canaries by tag or number go first, and every tenant is in exactly one wave."""
        assert wanted == names(waves_of(FLEET, canary))

    @pytest.mark.parametrize("canary", ["0", "-1"])
    def test_no_canary_is_no_number(self, canary: str) -> None:
        """A number of zero canaries is refused, because it would protect nothing."""
        with pytest.raises(SettingsError, match=f"--canary {canary}: give 1 or more"):
            waves_of(FLEET, canary)


class TestSchedule:
    """Tests of which tenants start."""

    def test_the_rest_is_not_run_if_a_canary_fails(self) -> None:
        """If a canary fails, all others are skipped with a reason that names it."""
        schedule = Schedule(waves_of(FLEET, "canary"), max_failures=0)
        schedule.begin_wave(0)
        while (following := schedule.next()) is not None:
            schedule.ended(ended(following.name, Outcome.FAILED if following.name == "bravo" else Outcome.CHANGED))
        schedule.wave_ended(0)
        schedule.begin_wave(1)

        assert schedule.next() is None
        assert [(result.tenant, result.error) for result in schedule.not_run()] == [
            ("alfa", "the canary failed: bravo"),
            ("delta", "the canary failed: bravo"),
        ]

    def test_a_last_wave_with_failures_stops_nobody(self) -> None:
        """A failure in the last wave does not stop the run."""
        schedule = Schedule([[FLEET[0]], []], max_failures=0)
        schedule.begin_wave(0)
        schedule.next()
        schedule.ended(ended("alfa", Outcome.FAILED))
        schedule.wave_ended(0)

        assert (schedule.stopped, schedule.not_run()) == ("", [])

    def test_the_first_reason_stands(self) -> None:
        """An interruption after the last allowed failure does not replace the reason."""
        schedule = Schedule([FLEET], max_failures=1)
        schedule.begin_wave(0)
        schedule.ended(ended("alfa", Outcome.TIMED_OUT))
        schedule.stop("interrupted")

        assert schedule.stopped == "1 tenant has failed; --max-failures is 1"

    @given(st.lists(st.sampled_from([Outcome.CHANGED, Outcome.FAILED, Outcome.UNCHANGED])), st.integers(0, 5))
    def test_nobody_is_begun_after_the_last_allowed_failure(self, outcomes: list[Outcome], most: int) -> None:
        """No tenant starts after the last allowed failure, and every tenant has a result."""
        fleet = [tenant(f"t{number}") for number in range(len(outcomes))]
        schedule = Schedule([fleet], max_failures=most)
        schedule.begin_wave(0)
        begun = 0
        while (following := schedule.next()) is not None:
            schedule.ended(ended(following.name, outcomes[begun]))
            begun += 1

        failures = [place for place, outcome in enumerate(outcomes) if outcome is Outcome.FAILED]
        allowed = failures[most - 1] + 1 if 0 < most <= len(failures) else len(outcomes)
        assert begun == allowed
        assert len(fleet) == begun + len(schedule.not_run())


class TestResume:
    """Tests of which tenants run again after an unfinished up."""

    def test_who_failed_was_not_run_or_changed_since(self) -> None:
        """Finished, unchanged tenants keep their results; tenants outside the last run are ignored."""
        last = FleetRun(
            command=Command.UP,
            project="fleet",
            began="",
            ended="",
            results=[
                TenantResult(tenant="alfa", outcome=Outcome.CHANGED, fingerprint="same"),
                TenantResult(tenant="bravo", outcome=Outcome.UNCHANGED, fingerprint="before"),
                TenantResult(tenant="charlie", outcome=Outcome.FAILED, fingerprint="same"),
            ],
        )

        due, earlier = to_resume(FLEET, last, lambda _: "same")

        assert [item.name for item in due] == ["bravo", "charlie"]
        assert [result.tenant for result in earlier] == ["alfa"]

    def test_a_fingerprint_is_of_the_tenants_files_and_the_program(self, tmp_path: Path) -> None:
        """Other tenants' files and Python's caches do not change a fingerprint."""
        for name in ("stacks", "components", "components/__pycache__"):
            (tmp_path / name).mkdir()
        (tmp_path / "Pulumi.yaml").write_text("name: fleet\n")
        (tmp_path / "components" / "part.py").write_text("a = 1\n")
        (tmp_path / "stacks" / "Pulumi.alfa.yaml").write_text("config: {kzero-scim:usersFile: stacks/users.txt}\n")
        (tmp_path / "stacks" / "Pulumi.bravo.yaml").write_text("config: {}\n")
        (tmp_path / "stacks" / "users.txt").write_text("alex@alfa.example\n")

        def made() -> str:
            project = FleetProject.load(tmp_path)
            return Fingerprints(project).of(project.tenants["alfa"])

        first = made()
        (tmp_path / "stacks" / "Pulumi.bravo.yaml").write_text("config: {kzero-scim:scope: all}\n")
        (tmp_path / "components" / "__pycache__" / "part.pyc").write_text("cached")
        assert first == made()
        found = {first}
        for name in ("stacks/users.txt", "components/part.py", "stacks/Pulumi.alfa.yaml", "Pulumi.yaml"):
            (tmp_path / name).write_text((tmp_path / name).read_text() + "# more\n")
            found.add(made())
        assert len(found) == 5


@pytest.mark.parametrize(
    ("cores", "memory", "wanted"), [(2, 8000, 4), (16, 4000, 8), (1, 100, 1), (2, 1100, 2)], ids=str
)
def test_parallel_by_cores_and_memory(cores: int, memory: int, wanted: int) -> None:
    """The default is two tenants per core, fewer if memory is short, and at least one."""
    assert wanted == default_parallel(cores, memory)
