"""Start, watch and stop a sandbox from another process. Imports none of the servers, so that asking is quick."""

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
    """The sandbox could not be started, found or stopped; one line that says why and what to do."""


class SandboxProcess:
    """The sandbox of one directory, running or not.

    Args:
        directory: The sandbox's directory, by default `.sandbox` of the checkout.
    """

    def __init__(self, directory: Path) -> None:
        """Name the directory; nothing is touched."""
        self.directory = directory.resolve()
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def environment_file(self) -> Path:
        """Shell `export` lines; there while the sandbox runs or has run."""
        return self.directory / "env"

    @property
    def logs(self) -> Path:
        """The folder of logs."""
        return self.directory / "logs"

    def trust(self) -> ssl.SSLContext:
        """Return what a client needs to trust the sandbox's certificates."""
        return ssl.create_default_context(cafile=str(self.directory / "ca.pem"))

    def is_running(self) -> bool:
        """Return whether a supervisor holds the directory."""
        try:
            with (self.directory / "lock").open("r") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return False
        except BlockingIOError:
            return True
        return False

    def status(self) -> Status | None:
        """Return what the supervisor last reported; None when it is not running."""
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
        """Start the sandbox and return when all its parts answer; a running one is left as it is.

        Args:
            ports: Where to listen.
            tied: Whether it ends with this process, however that ends.
            auto_cycle: Whether Entra runs a provisioning cycle by itself when a job is started, as the real one does.
            progress: Told what is going on.

        Raises:
            SandboxError: It did not start.
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
        """Stop the sandbox and wait for its end.

        Returns:
            Whether there was one to stop.

        Raises:
            SandboxError: It did not stop.
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
            SandboxError: There is none.
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
        """Wait for the end of the process that this object started, if any."""
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
