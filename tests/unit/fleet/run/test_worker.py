"""Tests of a worker: the environment of each tenant, what remains, and how a tenant is stopped.

The Pulumi CLI is a script here that says what it was given; the real one is in tests/e2e/test_fleet_run.py.
"""

from __future__ import annotations

import os
import shlex
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from kzero_scim.fleet.model import Command, Outcome, TenantResult
from kzero_scim.fleet.run.engine_run import TenantRun, run_tenant
from kzero_scim.fleet.run.tenant_log import TenantLog
from kzero_scim.fleet.run.worker import Worker
from kzero_scim.redaction import Redactor

ALFA, BRAVO = "secret of alfa", "secret of bravo"


@pytest.fixture
def worker() -> Iterator[Worker]:
    """Yield a worker."""
    made = Worker()
    yield made
    made.close()


class Project:
    """A project's folder with a shell script instead of the CLI."""

    def __init__(self, folder: Path) -> None:
        """Create the folder."""
        self.folder = folder
        (folder / "stacks").mkdir()
        (folder / "Pulumi.yaml").write_text("name: fleet\nruntime: python\n")
        (folder / "__main__.py").write_text("")

    def run(self, tenant: str, script: str, **variables: str) -> TenantRun:
        """Return a run of a tenant with a script as CLI and with its own variables."""
        cli = self.folder / f"pulumi-of-{tenant}"
        cli.write_text(f"#!/bin/sh\n{script}\n")
        cli.chmod(0o700)
        return TenantRun(
            command=Command.PREVIEW,
            tenant=tenant,
            folder=self.folder,
            environment={"PATH": os.environ["PATH"], "HOME": str(self.folder), **variables},
            refresh=False,
            cli=str(cli),
            cli_version="v3.259.0",
            log=self.folder / ".kzero-scim" / "logs" / f"{tenant}.log",
        )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project."""
    return Project(tmp_path)


def run(worker: Worker, tenant: TenantRun, timeout: float | None = None) -> TenantResult:
    """Run a tenant in a worker."""
    return worker.run(tenant, timeout, lambda _: None)


class TestEnvironment:
    """A process has a tenant's environment only while that tenant runs."""

    def test_the_engine_has_the_tenants_environment_and_no_other(
        self, project: Project, worker: Worker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The engine gets no variable of the fleet or of the previous tenant."""
        monkeypatch.setenv("OF_THE_FLEET", "secret of the fleet")
        dump = 'env > "$HOME/$WHO.environment"; pwd > "$HOME/$WHO.folder"; echo "error: $TOKEN" >&2; exit 1'
        run(worker, project.run("alfa", dump, WHO="alfa", TOKEN=ALFA, ONLY_ALFA="yes"))
        run(worker, project.run("bravo", dump, WHO="bravo", TOKEN=BRAVO))

        lines = (project.folder / "bravo.environment").read_text().splitlines()
        names = {line.partition("=")[0] for line in lines}
        assert names - {"PWD", "SHLVL", "_", "OLDPWD"} == {
            *("PATH", "HOME", "WHO", "TOKEN", "TMPDIR", "PULUMI_HOME"),
            *("PULUMI_AUTOMATION_API", "PULUMI_DEBUG_COMMANDS", "PULUMI_DEBUG_PROVIDERS", "PULUMI_SKIP_UPDATE_CHECK"),
        }
        assert f"TOKEN={BRAVO}" in lines
        assert str(project.folder) == (project.folder / "bravo.folder").read_text().strip()

    @pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="only Linux shows a process's environment")
    def test_a_worker_was_never_given_another_tenants_variables(
        self, project: Project, worker: Worker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """/proc shows what a process was started with, whatever it forgot since; also for processes that it starts."""
        monkeypatch.setenv("ARM_CLIENT_SECRET__BRAVO", BRAVO)
        monkeypatch.setenv("KZERO_CLIENT_SECRET", "secret of the fleet")
        show = 'cat /proc/$PPID/environ > "$HOME/worker"; cat /proc/$$/environ > "$HOME/engine"; exit 1'

        run(worker, project.run("alfa", show, ARM_CLIENT_SECRET=ALFA))

        of_worker = (project.folder / "worker").read_bytes()
        names = {variable.partition(b"=")[0].decode() for variable in of_worker.split(b"\0") if variable}
        assert names <= {"PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "KZERO_DEBUG", "LC_CTYPE"}
        of_engine = (project.folder / "engine").read_bytes()
        assert ALFA.encode() in of_engine
        assert BRAVO.encode() not in of_engine
        assert b"secret of the fleet" not in of_engine

    def test_nothing_of_a_tenant_is_left_in_the_process(self, project: Project) -> None:
        """A tenant's variables, folder and temporary files are removed, also after a failure."""
        before, folder = dict(os.environ), Path.cwd()

        run_tenant(project.run("alfa", 'echo "$TMPDIR" > "$HOME/tmpdir"; exit 1', TOKEN=ALFA), lambda *_: None)

        assert (before, folder) == (dict(os.environ), Path.cwd())
        temporary = Path((project.folder / "tmpdir").read_text().strip())
        assert not temporary.exists()
        assert not Path(tempfile.gettempdir()).is_relative_to(temporary)

    def test_plugins_and_log_ins_are_everybodys(self, project: Project) -> None:
        """Installed plugins stay; the current stack and Pulumi's own logs are removed with the run."""
        home = project.folder / ".pulumi"
        (home / "workspaces").mkdir(parents=True)
        (home / "credentials.json").write_text("{}")
        script = 'cd "$PULUMI_HOME"; ls > "$HOME/listed"; mkdir plugins/installed; mkdir workspaces; mkdir logs; exit 1'

        run_tenant(project.run("alfa", script), lambda *_: None)

        assert (project.folder / "listed").read_text().split() == ["credentials.json", "logs", "plugins"]
        assert sorted(entry.name for entry in home.iterdir()) == ["credentials.json", "plugins", "workspaces"]
        assert (home / "plugins" / "installed").is_dir()
        assert not list((home / "workspaces").iterdir())

    def test_a_log_has_no_secret_and_is_its_owners_alone(self, project: Project) -> None:
        """Log and error contain no secrets, and only the owner can read the log."""
        script = 'echo "signing in with $TOKEN"; echo "error: $TOKEN at $PULUMI_BACKEND_URL" >&2; exit 1'
        asked = project.run("alfa", script, TOKEN=ALFA, PULUMI_BACKEND_URL="postgres://me:hidden-word@host/states")

        result = run_tenant(asked, lambda *_: None)

        assert result.error == "[secret] at postgres://me:[secret]@host/states"
        assert "signing in with [secret]" in asked.log.read_text()
        assert "hidden-word" not in asked.log.read_text()
        assert asked.log.stat().st_mode & 0o777 == 0o600
        assert result.log == ".kzero-scim/logs/alfa.log"


class TestFailures:
    """Any failure affects only its tenant."""

    def test_a_worker_that_dies_is_one_failure(self, project: Project, worker: Worker) -> None:
        """If a worker dies, its engine is killed and the next tenant gets a new worker."""
        script = 'echo $$ > "$HOME/engine"; sleep 0.5; kill -9 $PPID; exec sleep 600'

        died = run(worker, project.run("alfa", script))
        following = run(worker, project.run("bravo", 'echo "error: as always" >&2; exit 1'))

        assert (died.outcome, died.error) == (
            Outcome.FAILED,
            "the tenant's process died (signal 9); run `kzero-scim recover alfa` to unlock its stack",
        )
        assert following.error == "as always"
        assert not _is_alive(int((project.folder / "engine").read_text()))

    def test_an_engine_that_is_interrupted_in_time_is_not_killed(self, project: Project, worker: Worker) -> None:
        """An engine that stops after an interruption is not killed and reports its own error."""
        script = "trap 'echo \"error: tidied up\" >&2; kill $!; exit 1' INT; sleep 600 & wait"

        result = run(worker, project.run("alfa", script), timeout=1.5)

        assert (result.outcome, result.error) == (Outcome.TIMED_OUT, "stopped after 1.5 s; tidied up")

    def test_an_engine_that_hangs_is_killed_with_its_plugins(
        self, project: Project, worker: Worker, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A hanging engine is killed with plugins in their own process groups."""
        monkeypatch.setattr("kzero_scim.fleet.run.worker._INTERRUPTED_SECONDS", 0.5)
        script = f"exec {shlex.join([sys.executable, str(project.folder / 'engine.py')])}"
        (project.folder / "engine.py").write_text(_STUBBORN)

        result = run(worker, project.run("alfa", script), timeout=1.5)

        assert result.outcome is Outcome.TIMED_OUT
        assert result.error == "stopped after 1.5 s; the engine was killed by signal 9"
        assert any("kzero-scim recover alfa" in line for line in result.warnings)
        assert not _is_alive(int((project.folder / "plugin").read_text()))


_STUBBORN = """
import os, pathlib, signal, subprocess, sys
for number in (signal.SIGINT, signal.SIGTERM):
    signal.signal(number, signal.SIG_IGN)
plugin = subprocess.Popen(["sleep", "600"], process_group=0)
pathlib.Path(os.environ["HOME"], "plugin").write_text(str(plugin.pid))
plugin.wait()
"""


def _is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_log_that_cannot_be_opened_is_that_tenants_failure(project: Project, worker: Worker) -> None:
    """The error names the log and the reason, nothing is run, and the worker serves the next tenant."""
    blocked = project.folder / ".kzero-scim"
    blocked.write_text("a file where a folder belongs")

    failed = worker.run(project.run("alfa", "touch ran; exit 1"), None, lambda _: None)

    assert failed.outcome is Outcome.FAILED
    assert f"could not create the log {project.folder}/.kzero-scim/logs/alfa.log" in failed.error
    assert "Nothing was run" in failed.error
    assert "recover" not in failed.error
    assert not (project.folder / "ran").exists()
    blocked.unlink()
    assert "died" not in worker.run(project.run("bravo", "exit 1"), None, lambda _: None).error


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has /dev/full")
def test_a_log_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    """A full disk does not end the run; the log says that it is incomplete."""
    with TenantLog(tmp_path / "a.log", Redactor()) as log:
        log._file.close()  # noqa: SLF001 - replaced by a full disk
        log._file = Path("/dev/full").open("w", encoding="utf-8")  # noqa: SLF001, SIM115
        log.write("one")
        log.write("two")

    assert "a.log is incomplete: No space left on device" in log.problem


def test_a_worker_that_dies_before_its_engine_leaves_no_lock(project: Project, worker: Worker) -> None:
    """Only a run whose engine started can leave a lock."""
    run = project.run("alfa", "exit 1")
    broken = replace(run, environment=None)  # type: ignore[arg-type] # ends the process

    failed = worker.run(broken, None, lambda _: None)

    assert "the tenant's process died (exit code 1)" in failed.error
    assert "nothing was changed" in failed.error
    assert "recover" not in failed.error


def test_options_in_variables_do_not_reach_the_engine(
    project: Project, worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that sets an option of Pulumi's CLI cannot narrow a tenant's run."""
    monkeypatch.setenv("PULUMI_OPTION_EXCLUDE", "urn")
    script = 'env | grep PULUMI_OPTION >> "$HOME/options"; exit 1'
    worker.run(
        project.run("alfa", script, PULUMI_OPTION_TARGET="urn", PULUMI_OPTION_POLICY_PACK="p"), None, lambda _: None
    )

    assert (project.folder / "options").read_text().split("\n")[0] == "PULUMI_OPTION_POLICY_PACK=p"
    assert "TARGET" not in (project.folder / "options").read_text()
