"""The benchmark's arithmetic, counting and texts."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest
from kzero_components.enterprise_app import EnterpriseApp

from bench import projects
from bench.figures import Measure, Operation, Program, Requests, Sample, aims, amount, count, spread
from bench.memory import Memory, Peaks
from bench.run import Options

OWN = "kzero-scim/0.1.0 azsdk-python-identity/1.27"


def measure(program: Program, operation: Operation, *seconds: float, requests: Requests | None = None) -> Measure:
    samples = tuple(Sample(seconds=each, requests=requests or Requests()) for each in seconds)
    return Measure(program=program, operation=operation, samples=samples)


def entra(path: str, agent: str | None, *, query: str = "", batch: bool = False) -> dict[str, Any]:
    return {"path": path, "query": query, "batch": batch, "userAgent": agent}


def kzero(path: str, agent: str | None) -> dict[str, Any]:
    return {"path": path, "query": "", "user_agent": agent}


def test_a_measure_has_a_median_and_a_range() -> None:
    """A single slow run in five changes the range, not the median."""
    found = measure("tenant", "preview", 1.0, 9.0, 1.2, 1.1, 1.3)

    assert found.seconds == 1.2
    assert spread(found) == "1.00 - 9.00"


def test_a_single_run_has_no_range() -> None:
    assert spread(measure("tenant", "preview", 1.0)) == ""


@pytest.mark.parametrize(("value", "unit", "words"), [(1.236, "x", "1.24 x"), (4.1, "s", "4.10 s"), (12.0, "", "12")])
def test_figures_have_two_decimals_and_counts_none(value: float, unit: str, words: str) -> None:
    assert amount(value, unit) == words


def test_requests_are_counted_by_sender() -> None:
    """The requests of the provider and of azuread count; items of a batch and Entra's own SCIM requests do not."""
    entra_log = [
        entra("/metadata/endpoints", OWN),
        entra("/tenant/oauth2/v2.0/token", OWN),
        entra("/v1.0/$batch", OWN),
        entra("/v1.0/users/alex", None, batch=True),
        entra("/v1.0/servicePrincipals/1/appRoleAssignedTo", OWN, query="$top=999&$skiptoken=OTk5"),
        entra("/tenant/oauth2/v2.0/token", "Go-http-client/2.0"),
        entra("/v1.0/applications/1", "Go-http-client/2.0"),
    ]
    kzero_log = [
        kzero("/realms/Contoso/protocol/openid-connect/token", OWN),
        kzero("/admin/realms/Contoso", OWN),
        kzero("/realms/Contoso/scim/v2/Users", "kzero-scim-sandbox-entra"),
    ]

    found = count(entra_log, kzero_log)

    assert found == Requests(entra=4, keycloak=2, azuread=2, own_logins=3, azuread_logins=1, pages=1)
    assert found.own == 6


def test_a_measure_has_the_most_requests_of_any_run() -> None:
    """The run with the most requests counts, because a retry is part of a command's cost."""
    samples = tuple(Sample(seconds=1.0, requests=Requests(entra=number)) for number in (8, 9, 8))

    assert Measure(program="tenant", operation="refresh", samples=samples).requests.entra == 9


def test_aims_compare_with_azuread_and_subtract_its_wait() -> None:
    """Preview is compared with azuread's, and azuread's wait of 20 s is subtracted from the first up."""
    measures: dict[tuple[Program, Operation], Measure] = {
        ("tenant", "preview"): measure("tenant", "preview", 1.2),
        ("azuread", "preview"): measure("azuread", "preview", 1.0),
        ("tenant", "up"): measure("tenant", "up", 27.0),
    }

    preview, up = aims(measures, azuread_wait=20.0)

    assert (round(preview.measured, 3), preview.verdict) == (1.2, "met")
    assert (round(up.measured, 3), up.verdict) == (7.0, "not met")


def test_further_pages_do_not_count_against_the_aim() -> None:
    """Graph sends assignments in pages of 999, and requests for further pages do not count."""
    refresh = measure("large", "refresh", 1.0, requests=Requests(entra=12, keycloak=4, pages=1))

    found = aims({("large", "refresh"): refresh}, azuread_wait=0.0)

    assert [(aim.measured, aim.met) for aim in found if "requests" in aim.name] == [(15, True)]


def test_an_aim_without_measures_is_left_out() -> None:
    """Without measures there are no aims."""
    assert aims({}, azuread_wait=0.0) == []


def test_memory_is_summed_over_the_processes_below_a_command(tmp_path: Path) -> None:
    """The peaks of engine and provider count, and the other processes' peak at one moment, but no foreign processes."""

    def process(pid: int, parent: int, command: str, *, most: int, now: int) -> None:
        folder = tmp_path / str(pid)
        folder.mkdir(exist_ok=True)
        (folder / "cmdline").write_text(command.replace(" ", "\0"))
        (folder / "status").write_text(
            f"Name:\tx\nPPid:\t{parent}\nVmHWM:\t{most * 1024} kB\nVmRSS:\t{now * 1024} kB\n"
        )

    process(10, 1, "pulumi up", most=200, now=150)
    process(11, 10, "pulumi up", most=199, now=150)  # between fork and exec
    process(12, 10, "python -P -m kzero_scim.provider 127.0.0.1:1", most=90, now=60)
    process(13, 10, "pulumi-language-python", most=99, now=20)
    process(14, 13, "python -u program", most=99, now=50)
    process(15, 1, "python -m kzero_scim.provider", most=999, now=999)
    (tmp_path / "self").mkdir()
    peaks = Peaks(10, tmp_path)
    peaks.measure()
    process(14, 13, "python -u program", most=99, now=40)
    process(12, 10, "python -P -m kzero_scim.provider 127.0.0.1:1", most=95, now=60)

    peaks.measure()

    assert peaks.memory() == Memory(engine=200, provider=95, others=70, whole=280)
    assert peaks.memory().own == 295


def test_the_aim_for_memory_uses_the_command_that_takes_the_most() -> None:
    def huge(operation: Operation, engine: float) -> Measure:
        taken = Memory(engine=engine, provider=100, others=0)
        sample = Sample(seconds=59.0, requests=Requests(), memory=taken)
        return Measure(program="huge", operation=operation, samples=(sample,))

    measures: dict[tuple[Program, Operation], Measure] = {
        ("huge", "up"): huge("up", 150.0),
        ("huge", "refresh"): huge("refresh", 201.0),
    }

    up, memory = aims(measures, azuread_wait=0.0)

    assert (up.limit, up.measured, up.met) == (510, 59, True)
    assert (memory.measured, amount(memory.measured, memory.unit), memory.met) == (301, "301 MB", False)


def test_the_option_quick_means_one_run_with_few_users() -> None:
    assert Options.parse(["--quick"]) == Options(repeat=1, users=100, most=0, wait=False, json=None)


def test_less_than_one_run_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        Options.parse(["--repeat", "0"])

    assert "0 is below 1" in capsys.readouterr().err


def test_the_azuread_program_passes_the_arguments_that_the_component_needs(tmp_path: Path) -> None:
    """The azuread program is a string that no type checker reads, so this test checks its arguments and imports."""
    program = ast.parse((projects.azuread_alone(tmp_path / "project") / "__main__.py").read_text(encoding="utf-8"))

    calls = [node for node in ast.walk(program) if isinstance(node, ast.Call)]
    [call] = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == EnterpriseApp.__name__]

    given = {word.arg: None for word in call.keywords if word.arg}
    inspect.signature(EnterpriseApp).bind(*call.args, **given)
    [imported] = [node.module for node in ast.walk(program) if isinstance(node, ast.ImportFrom)]
    assert imported == EnterpriseApp.__module__
