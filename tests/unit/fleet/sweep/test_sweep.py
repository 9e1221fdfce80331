"""Tests of reading many tenants in one process."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from kzero_scim.commands.fleet.progress import Lines
from kzero_scim.errors import GraphError, NothingAppliedError
from kzero_scim.fleet import journal
from kzero_scim.fleet.model import Command, Outcome, TenantResult
from kzero_scim.fleet.project import FleetProject
from kzero_scim.fleet.sweep import sweep_run
from kzero_scim.fleet.sweep.sweep import Sweep, SweptTenant

STATE: dict[str, object] = {
    "version": 3,
    "checkpoint": {
        "latest": {"resources": [{"urn": "a::b", "type": "pulumi:pulumi:Stack"}], "pending_operations": [1]}
    },
}


class Watched:
    """Records which tenants started and finished."""

    def __init__(self) -> None:
        """Start without records."""
        self.begun: list[str] = []
        self.results: list[TenantResult] = []

    def begins(self, tenant: str) -> None:
        """Record the tenant."""
        self.begun.append(tenant)

    def ended(self, result: TenantResult) -> None:
        """Record the tenant."""
        self.results.append(result)

    def doing(self, tenant: str, what: str) -> None:
        """Do nothing: a sweep has no engine."""

    def note(self, text: str) -> None:
        """Do nothing."""


@pytest.fixture
def project(tmp_path: Path) -> FleetProject:
    """A fleet of six tenants, of which the last was never applied."""
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
    states = tmp_path / "state" / ".pulumi" / "stacks" / "demo"
    states.mkdir(parents=True)
    (tmp_path / "state" / ".pulumi" / "meta.yaml").write_text("version: 1\n")
    (tmp_path / "stacks").mkdir()
    for name in "abcdef":
        (tmp_path / "stacks" / f"Pulumi.{name}.yaml").write_text(f"config: {{kzero-scim:tags: [of-{name}]}}\n")
        if name != "f":
            (states / f"{name}.json").write_text(json.dumps(STATE))
    return FleetProject.load(tmp_path)


async def run(
    project: FleetProject,
    read: Callable[[SweptTenant], Awaitable[TenantResult]],
    *,
    parallel: int = 2,
    timeout: float | None = None,  # noqa: ASYNC109 - of each tenant
    watched: Watched | None = None,
    **environment: str,
) -> dict[str, TenantResult]:
    """Sweep over the whole fleet."""
    common = {"PULUMI_BACKEND_URL": (project.folder / "state").as_uri()} | environment
    sweep = Sweep(project, common, read, parallel=parallel, timeout=timeout, watcher=watched or Watched())
    results = await sweep.run(list(project.tenants.values()))
    assert [result.tenant for result in results] == list(project.tenants)
    return {result.tenant: result for result in results}


def fine(swept: SweptTenant) -> TenantResult:
    """Return an unchanged result."""
    return TenantResult(tenant=swept.tenant.name, outcome=Outcome.UNCHANGED)


async def test_each_tenants_trouble_is_its_own(project: FleetProject) -> None:
    """A refusal, an unexpected error, a hanging tenant and a tenant without a stack do not affect others."""

    async def read(swept: SweptTenant) -> TenantResult:
        match swept.tenant.name:
            case "a":
                message = "cannot sign in\nto a"
                raise GraphError(message)
            case "b":
                raise KeyError(swept.tenant.name)
            case "c":
                await asyncio.Event().wait()
        return fine(swept)

    found = await run(project, read, parallel=1, timeout=0.5)

    assert {name: str(result.outcome) for name, result in found.items()} == {
        "a": "failed",
        "b": "failed",
        "c": "timed-out",
        "d": "unchanged",
        "e": "unchanged",
        "f": "not-run",
    }
    assert found["a"].error == "cannot sign in to a"
    assert found["b"].error.startswith("internal error: KeyError")
    assert found["c"].error == "stopped after 0.5 s"
    assert found["f"].error.startswith("stack f does not exist at file://")
    assert found["d"].tags == ["of-d"]
    assert "`kzero-scim fleet up d`" in found["d"].warnings[0]


async def test_no_more_are_looked_at_at_once_than_asked_for(project: FleetProject) -> None:
    """The sweep reads exactly as many tenants at once as asked for."""
    now, most = 0, 0
    reached = asyncio.Event()

    async def read(swept: SweptTenant) -> TenantResult:
        nonlocal now, most
        now += 1
        most = max(most, now)
        if most == 3:
            reached.set()
        await reached.wait()
        for _ in range(3):
            await asyncio.sleep(0)
        now -= 1
        return fine(swept)

    await run(project, read, parallel=3)

    assert most == 3


async def test_an_environment_is_the_tenants_alone(project: FleetProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tenant gets common variables and its own, and none of this process."""
    monkeypatch.setenv("KZERO_CLIENT_SECRET", "of the process")
    seen = {}

    async def read(swept: SweptTenant) -> TenantResult:
        await asyncio.sleep(0)
        seen[swept.tenant.name] = {key: swept.environment[key] for key in swept.environment if "PULUMI" not in key}
        return fine(swept)

    await run(project, read, ARM_CLIENT_ID="common", KZERO_CLIENT_SECRET__A="of a", KZERO_CLIENT_SECRET__B="of b")

    assert seen["a"] == {"ARM_CLIENT_ID": "common", "KZERO_CLIENT_SECRET": "of a"}
    assert seen["b"] == {"ARM_CLIENT_ID": "common", "KZERO_CLIENT_SECRET": "of b"}
    assert seen["c"] == {"ARM_CLIENT_ID": "common"}


async def test_an_interruption_tells_what_was_done_and_what_was_not(project: FleetProject) -> None:
    """After Ctrl-C, finished tenants keep their results and the others are skipped."""
    watched, reached = Watched(), asyncio.Event()

    async def read(swept: SweptTenant) -> TenantResult:
        if swept.tenant.name == "c":
            reached.set()
            await asyncio.Event().wait()
        return fine(swept)

    task = asyncio.create_task(run(project, read, parallel=1, watched=watched))
    await reached.wait()
    task.cancel()
    found = await task

    assert [found[name].outcome.value for name in "abcd"] == ["unchanged", "unchanged", "not-run", "not-run"]
    assert {found[name].error for name in "cde"} == {"interrupted"}
    assert found["e"].tags == ["of-e"]
    assert watched.begun == ["a", "b", "c"]


def test_a_cancelled_pipeline_keeps_what_was_found(project: FleetProject, monkeypatch: pytest.MonkeyPatch) -> None:
    """After SIGTERM, the document has finished tenants, and no engine starts."""

    async def read(swept: SweptTenant) -> TenantResult:
        if swept.tenant.name == "b":
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.Event().wait()
        return replace(fine(swept), outcome=Outcome.DRIFTED)

    monkeypatch.setattr(sweep_run, "drift_of", read)
    how = sweep_run.Sweeping(
        environment={"PULUMI_BACKEND_URL": (project.folder / "state").as_uri()},
        parallel=1,
        watch=lambda command, total: Lines(Console(quiet=True), total, command),
        is_engine_asked=True,
    )

    run = sweep_run.drift_run(project, list(project.tenants.values()), how)

    assert [result.outcome.value for result in run.results] == ["drifted"] + 5 * ["not-run"]
    assert journal.last(project, Command.DRIFT) == run
    assert run.exit_code == 1


async def test_an_error_in_a_task_group_is_shown_by_itself(project: FleetProject) -> None:
    """What a group of tasks raises is judged and shown as the error inside it."""

    async def fail(error: Exception) -> None:
        raise error

    async def read(swept: SweptTenant) -> TenantResult:
        errors = {"a": GraphError("no answer"), "b": NothingAppliedError("nothing"), "c": KeyError("x")}
        async with asyncio.TaskGroup() as group:
            if error := errors.get(swept.tenant.name):
                group.create_task(fail(error))
        return fine(swept)

    found = await run(project, read)

    assert (found["a"].outcome, found["a"].error) == (Outcome.FAILED, "no answer")
    assert (found["b"].outcome, found["b"].error) == (Outcome.NOT_RUN, "nothing")
    assert found["c"].error.startswith("internal error: KeyError: 'x'")
    assert found["d"].outcome is Outcome.UNCHANGED


HANG = """
import asyncio, socket, sys, threading, time
from pathlib import Path
from kzero_scim.fleet.project import FleetProject
from kzero_scim.fleet.sweep.sweep import Sweep
from kzero_scim.fleet.model import Outcome, TenantResult
from tests.unit.fleet.sweep.test_sweep import Watched, fine

def look_up(host, *arguments, **keywords):
    if "hostile" in host:
        threading.Event().wait()
    return []

socket.getaddrinfo = look_up

async def read(swept):
    name = swept.tenant.name
    loop = asyncio.get_running_loop()
    hosts = [f"{name}{number}.hostile" for number in range(40)] if name in "ab" else ["fine"]
    await asyncio.gather(*(loop.getaddrinfo(host, 443) for host in hosts))
    if name == "c":
        await asyncio.to_thread(threading.Event().wait)
    return fine(swept)

folder = Path(sys.argv[1])
project = FleetProject.load(folder)
environment = {"PULUMI_BACKEND_URL": (folder / "state").as_uri()}
sweep = Sweep(project, environment, read, parallel=6, timeout=3.0, watcher=Watched())
for result in asyncio.run(sweep.run(list(project.tenants.values()))):
    print(result.tenant, result.outcome)
"""


def test_a_thread_that_hangs_costs_only_its_tenant(project: FleetProject) -> None:
    """Name look-ups and calls that never return end with their tenant's time, and the process ends too."""
    done = subprocess.run(
        [sys.executable, "-c", HANG, str(project.folder)], capture_output=True, text=True, timeout=60, check=False
    )

    assert done.stderr == ""
    assert done.stdout.split("\n")[:-1] == [
        "a timed-out",
        "b timed-out",
        "c timed-out",
        "d unchanged",
        "e unchanged",
        "f not-run",
    ]


async def test_a_time_out_inside_is_a_failure(project: FleetProject) -> None:
    """Only the tenant's own time is reported as such, also where there is no limit."""

    async def read(swept: SweptTenant) -> TenantResult:
        if swept.tenant.name == "a":
            raise TimeoutError
        return fine(swept)

    found = await run(project, read)

    assert found["a"].outcome is Outcome.FAILED
    assert found["a"].error.startswith("internal error: TimeoutError")
    assert found["b"].outcome is Outcome.UNCHANGED
