"""Starting a sandbox that cannot start: the error names the obstacle and the remedy, and no process is left running."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from kzero_sandbox.addresses import Ports
from kzero_sandbox.processes import SandboxError, SandboxProcess
from kzero_sandbox.running import RunningSandbox
from typer.testing import CliRunner

from kzero_scim.commands.main import app

FREE = Ports(kzero=0, entra=0, keycloak=0)


@pytest.mark.parametrize("name", ["kzero", "entra", "keycloak"])
def test_a_port_in_use_is_named_with_its_option(tmp_path: Path, name: str) -> None:
    """The error contains the port and the option that chooses another."""
    process = SandboxProcess(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ports = Ports(**{"kzero": 0, "entra": 0, "keycloak": 0, name: port})

        with pytest.raises(SandboxError, match=rf"port {port} on 127\.0\.0\.1 is in use: .*--{name}-port"):
            process.up(ports, tied=True)

    assert not process.is_running()


def test_a_missing_keycloak_is_named_with_the_remedy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error contains the path where Keycloak was expected."""
    monkeypatch.setenv("KEYCLOAK_HOME", str(tmp_path / "nothing"))
    process = SandboxProcess(tmp_path / "sandbox")

    with pytest.raises(SandboxError, match=f"no Keycloak .* at {tmp_path / 'nothing'}: run `make setup`"):
        process.up(FREE, tied=True)

    assert process.down() is False


def test_a_keycloak_that_was_not_built_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An extracted distribution without its build step is reported."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "quarkus-run.jar").touch()
    monkeypatch.setenv("KEYCLOAK_HOME", str(tmp_path))

    with pytest.raises(SandboxError, match=r"is not built: run `bin/kc\.sh build"):
        SandboxProcess(tmp_path / "sandbox").up(FREE, tied=True)


def test_a_missing_java_is_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing Java is reported."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(SandboxError, match="no `java` on PATH or in JAVA_HOME"):
        SandboxProcess(tmp_path / "sandbox").up(FREE, tied=True)


@pytest.mark.usefixtures("keycloak")
def test_a_tied_sandbox_ends_with_whoever_holds_its_standard_input(tmp_path: Path) -> None:
    """A sandbox stops when its standard input ends, even before Keycloak is ready."""
    ports = ("--kzero-port=0", "--entra-port=0", "--keycloak-port=0")
    command = [sys.executable, "-m", "kzero_sandbox", f"--directory={tmp_path}", *ports, "--follow-stdin"]

    ended = subprocess.run(command, input=b"", capture_output=True, timeout=120, check=False)

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert '"stopped"' in (tmp_path / "status.json").read_text()
    assert not SandboxProcess(tmp_path).is_running()


def test_a_second_supervisor_of_one_directory_is_refused(sandbox: RunningSandbox) -> None:
    """The error names the command that stops the first sandbox, which keeps running."""
    command = [sys.executable, "-m", "kzero_sandbox", f"--directory={sandbox.process.directory}", "--kzero-port=0"]

    second = subprocess.run(command, input=b"", capture_output=True, timeout=120, check=False)

    assert second.returncode == 1
    assert b"already running" in second.stderr
    status = sandbox.process.status()
    assert status is not None
    assert status.phase == "ready"


def test_up_leaves_a_running_sandbox_as_it_is(sandbox: RunningSandbox) -> None:
    """A second `up` returns immediately with the same addresses; `status` and `env` show them."""
    runner = CliRunner()
    directory = ["--directory", str(sandbox.process.directory)]

    up = runner.invoke(app, ["sandbox", "up", *directory])
    status = runner.invoke(app, ["sandbox", "status", *directory])
    env = runner.invoke(app, ["sandbox", "env", *directory])

    assert (up.exit_code, status.exit_code, env.exit_code) == (0, 0, 0)
    assert "already running" in up.output
    assert sandbox.urls.kzero in status.output
    assert f"export KZERO_SERVER_URL='{sandbox.urls.kzero}'" in env.output


def test_commands_report_a_missing_sandbox(tmp_path: Path) -> None:
    """Each command names the command that starts a sandbox."""
    runner = CliRunner()

    for command in ("status", "cycle", "env"):
        answer = runner.invoke(app, ["sandbox", command, "--directory", str(tmp_path)])
        assert answer.exit_code == 1
        assert "kzero-scim sandbox up" in answer.output
    assert runner.invoke(app, ["sandbox", "down", "--directory", str(tmp_path)]).exit_code == 0


def test_a_cycle_without_jobs_runs_nothing(sandbox: RunningSandbox) -> None:
    """The command calls the emulator and prints its answer."""
    answer = CliRunner().invoke(app, ["sandbox", "cycle", "--directory", str(sandbox.process.directory)])

    assert answer.exit_code == 0
    assert '"cycles"' in answer.output


def test_only_the_owner_can_read_secrets(sandbox: RunningSandbox) -> None:
    """Files with secrets have mode 0600, and no log contains a secret."""
    layout = sandbox.layout
    secrets = layout.secrets(sandbox.organisation)

    for name in ("env", "secrets.json", "server-key.pem"):
        assert (layout.directory / name).stat().st_mode & 0o077 == 0
    logged = (layout.logs / "sandbox.log").read_text() + layout.keycloak_log.read_text()
    for secret in (secrets.master.client_secret, secrets.master.password, secrets.tenant.client_secret):
        assert secret not in logged


def test_the_environment_trusts_the_sandbox_and_public_authorities(sandbox: RunningSandbox) -> None:
    """The bundle contains the sandbox's authority before the machine's own roots."""
    environment = sandbox.process.environment()
    bundle = Path(environment["SSL_CERT_FILE"]).read_text()

    assert bundle.startswith(sandbox.layout.ca_file.read_text())
    assert bundle.count("BEGIN CERTIFICATE") > 10
    assert Path(environment["PULUMI_BACKEND_URL"].removeprefix("file://")).is_dir()
    assert environment["ARM_METADATA_HOSTNAME"] == sandbox.urls.entra.removeprefix("https://")
