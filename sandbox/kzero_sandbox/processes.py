"""Start, watch and stop a sandbox from another process. Must not import the servers, so that it loads quickly."""

import contextlib
import fcntl
import os
import shlex
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from kzero_sandbox.addresses import Ports
from kzero_sandbox.status import Phase, Status

_POLL_SECONDS = 0.05
_START_SECONDS = 280.0
_STOP_SECONDS = 25.0


class SandboxError(RuntimeError):
    """The sandbox could not be started, found or stopped; the message is one line with the cause and what to do."""


class SandboxProcess:
    """The sandbox of one directory, whether it is running or not.

    Args:
        directory: The sandbox's directory, by default `.sandbox` of the checkout.
    """

    def __init__(self, directory: Path) -> None:
        """Refer to the directory without touching it."""
        self.directory = directory.resolve()
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def environment_file(self) -> Path:
        """The file of shell `export` lines; it exists once the sandbox has started."""
        return self.directory / "env"

    @property
    def logs(self) -> Path:
        """The folder of logs."""
        return self.directory / "logs"

    def trust(self) -> ssl.SSLContext:
        """Return an SSL context that trusts the sandbox's certificates."""
        return ssl.create_default_context(cafile=str(self.directory / "ca.pem"))

    def is_running(self) -> bool:
        """Return whether a supervisor holds the directory's lock."""
        try:
            with (self.directory / "lock").open("r") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def status(self) -> Status | None:
        """Return the supervisor's latest status, or None if it is not running."""
        if not self.is_running():
            return None
        return self._reported()

    def up(
        self,
        ports: Ports | None = None,
        *,
        tied: bool = False,
        auto_cycle: bool = True,
        progress: Callable[[str], None] = lambda _: None,
    ) -> Status:
        """Start the sandbox and return when all its servers answer; a running sandbox is kept as it is.

        Args:
            ports: The ports to listen on.
            tied: Whether the sandbox stops when this process ends for any reason.
            auto_cycle: Whether Entra runs a provisioning cycle when a job is started, as the real service does.
            progress: Receives messages about the progress.

        Raises:
            SandboxError: The sandbox did not start.
        """
        if not self.is_running():
            options = [*(["--follow-stdin"] if tied else []), *([] if auto_cycle else ["--no-auto-cycle"])]
            self._launch([*self._command(ports or Ports()), *options], tied=tied)
        try:
            return self._await_ready(progress)
        except SandboxError:
            self._let_go()
            raise

    def down(self) -> bool:
        """Stop the sandbox and wait until it has stopped.

        Returns:
            Whether a sandbox was running.

        Raises:
            SandboxError: The sandbox did not stop.
        """
        status = self.status()
        if status is None:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(status.pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        while self.is_running():
            if time.monotonic() > deadline:
                message = f"sandbox process {status.pid} did not stop within {_STOP_SECONDS:.0f} s: see {self.logs}"
                raise SandboxError(message)
            time.sleep(_POLL_SECONDS)
        self._let_go()
        return True

    def environment(self) -> dict[str, str]:
        """Return the variables of the environment file.

        Raises:
            SandboxError: The environment file does not exist.
        """
        try:
            lines = self.environment_file.read_text().splitlines()
        except FileNotFoundError:
            message = f"no {self.environment_file}: start the sandbox with `kzero-scim sandbox up`"
            raise SandboxError(message) from None
        assignments = [shlex.split(line)[1] for line in lines if line.startswith("export ")]
        return dict(assignment.split("=", 1) for assignment in assignments)

    def run_in_foreground(self, ports: Ports) -> int:
        """Run the sandbox until it is interrupted, and return its exit code."""
        self.directory.mkdir(parents=True, exist_ok=True)
        return subprocess.call(self._command(ports))  # noqa: S603 - this interpreter, no shell

    def _launch(self, command: list[str], *, tied: bool) -> None:
        self.logs.mkdir(parents=True, exist_ok=True)
        (self.directory / "status.json").unlink(missing_ok=True)
        with (self.logs / "sandbox.log").open("ab") as log:
            self._child = subprocess.Popen(  # noqa: S603 - this interpreter, no shell
                command,
                stdin=subprocess.PIPE if tied else subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _let_go(self) -> None:
        """Wait until the process that this object started has ended, if it started one."""
        if self._child is None:
            return
        if self._child.stdin is not None:
            self._child.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(_STOP_SECONDS)
        self._child = None

    def _command(self, ports: Ports) -> list[str]:
        return [
            sys.executable,
            "-m",
            "kzero_sandbox",
            f"--directory={self.directory}",
            f"--kzero-port={ports.kzero}",
            f"--entra-port={ports.entra}",
            f"--keycloak-port={ports.keycloak}",
        ]

    def _await_ready(self, progress: Callable[[str], None]) -> Status:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            status = self._reported()
            if status is not None:
                if status.phase is Phase.READY:
                    return status
                if status.phase is Phase.FAILED:
                    raise SandboxError(status.message)
                progress(status.message)
            if self._child is not None and self._child.poll() is not None:
                log = self.logs / "sandbox.log"
                last = log.read_text(errors="replace").strip().splitlines()[-1:] or ["(no output)"]
                message = f"the sandbox ended while it started: {last[0]} (log: {log})"
                raise SandboxError(message)
            time.sleep(_POLL_SECONDS)
        message = f"the sandbox was not ready after {_START_SECONDS:.0f} s: see {self.logs}"
        raise SandboxError(message)

    def _reported(self) -> Status | None:
        try:
            return Status.from_json((self.directory / "status.json").read_text())
        except FileNotFoundError:
            return None
