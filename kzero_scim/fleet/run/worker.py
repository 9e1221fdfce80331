"""A process that runs tenants one after the other, and the handle that gives it work and ends it.

A new interpreter that inherits no connection, client or lock of the fleet's process, and only variables of the machine.
multiprocessing would pass on the fleet's whole environment, with every tenant's secrets. ``/proc/<pid>/environ`` shows
them as long as the process lives, even after it clears them.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING, Final

from kzero_scim.fleet.model import Outcome, TenantResult
from kzero_scim.fleet.run import engine_session

if TYPE_CHECKING:
    from kzero_scim.fleet.run.engine_run import TenantRun

_OF_THE_MACHINE: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "KZERO_DEBUG")
"""The environment of a worker that has no tenant."""
_START: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[2]); "
    "from kzero_scim.fleet.run.worker import work_on; work_on(int(sys.argv[1]))"
)
_INTERRUPTED_SECONDS: Final = 15.0
"""Time between the interruption of a tenant after its timeout and the killing of its processes."""
_ENDED_SECONDS: Final = 10.0
"""Time from then until the worker, which should have returned a result, is killed too."""


def work_on(descriptor: int) -> None:
    """Work on a connection that this process has inherited."""
    work(Connection(descriptor))


def work(connection: Connection) -> None:
    """Run the tenants that a connection sends until it is closed. Send back progress and results."""
    # Ctrl-C in a terminal reaches every process, but only the fleet's process decides what to interrupt.
    # Not SIG_IGN: the engine would inherit it and could not be interrupted.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    if os.environ.get("KZERO_DEBUG") != "1":
        _hush()
    # This takes half a second, once per worker.
    import pulumi.log  # noqa: PLC0415

    from kzero_scim.fleet.run.engine_run import run_tenant  # noqa: PLC0415
    from kzero_scim.provider.engine.attached import keep_what_is_loaded  # noqa: PLC0415

    # The SDK sends about sixty debug messages per run, which the engine discards: a fifteenth of a preview's time.
    pulumi.log.debug = lambda *_, **__: None
    connection.send(("ready", None))
    loaded = 0
    while True:
        if loaded != (loaded := len(sys.modules)):
            # At the start and after the first tenant, whose program imports the same modules as the next ones.
            keep_what_is_loaded()
        try:
            run: TenantRun = connection.recv()
        except EOFError:
            return
        connection.send(("result", run_tenant(run, lambda what, value: connection.send((what, value)))))


def _hush() -> None:
    """Discard the worker's own output, for example gRPC's. The logs contain what programs and engines print."""
    nothing = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(nothing, stream)
    os.close(nothing)


class Worker:
    """One worker process. It starts with its first tenant, and again after it was killed."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None
        self._engine = 0
        self._has_run_engine = False
        self._interrupted = False
        self._busy = False

    def run(self, run: TenantRun, timeout: float | None, doing: Callable[[str], None]) -> TenantResult:
        """Run a tenant and wait for its result.

        Args:
            run: The run.
            timeout: Seconds after which the tenant is interrupted, and then killed if necessary; None for no limit.
            doing: Receives the engine's present step.

        Returns:
            The result. If the worker dies, the tenant fails.
        """
        self._engine, self._has_run_engine, self._interrupted, self._busy = 0, False, False, True
        deadlines = _Deadlines(time.monotonic(), timeout)
        try:
            connection = self._started()
            # The worker's start does not count.
            deadlines = _Deadlines(time.monotonic(), timeout)
            connection.send(run)
            while True:
                if not connection.poll(deadlines.remaining()):
                    self._late(deadlines)
                    continue
                what, value = connection.recv()
                if what == "result":
                    result: TenantResult = value
                    return _timed_out(result, timeout) if deadlines.passed else result
                if what == "engine":
                    self._engine = value
                    self._has_run_engine = True
                    if self._interrupted:
                        self.interrupt()
                else:
                    doing(value)
        except (EOFError, OSError):
            return self._died(run, deadlines)
        finally:
            self._engine, self._busy = 0, False

    @property
    def is_busy(self) -> bool:
        """Whether a tenant runs."""
        return self._busy

    def interrupt(self) -> None:
        """Interrupt the running tenant like Ctrl-C interrupts `pulumi up`: its engine ends in order."""
        self._interrupted = True
        if self._engine:
            engine_session.interrupt(self._engine)

    def close(self) -> None:
        """End the process."""
        if self._connection is not None:
            self._connection.close()
            self._end(_ENDED_SECONDS)
            self._connection = None

    def _started(self) -> Connection:
        if self._connection is None or self._process is None or self._process.poll() is not None:
            self._connection, theirs = multiprocessing.Pipe()
            with theirs:
                self._process = subprocess.Popen(  # noqa: S603 - this interpreter
                    [sys.executable, "-c", _START, str(theirs.fileno()), json.dumps(sys.path)],
                    env={name: os.environ[name] for name in _OF_THE_MACHINE if name in os.environ},
                    stdin=subprocess.DEVNULL,
                    pass_fds=(theirs.fileno(),),
                )
            self._connection.recv()
        return self._connection

    def _end(self, seconds: float) -> int:
        """Wait for the process, kill it if it takes longer, and return its exit code."""
        if self._process is None:
            return 0
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return self._process.wait()

    def _late(self, deadlines: _Deadlines) -> None:
        step = deadlines.next_step()
        if step == 1:
            self.interrupt()
        elif self._engine and step == 2:  # noqa: PLR2004 - the second of three
            engine_session.end(self._engine)
        elif self._process is not None:
            self._process.kill()

    def _died(self, run: TenantRun, deadlines: _Deadlines) -> TenantResult:
        if self._engine:
            # The engine cannot continue without program and provider.
            engine_session.end(self._engine)
        code = self._end(_ENDED_SECONDS)
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        free = "its engine had not started, so nothing was changed; run it again with KZERO_DEBUG=1 to see why"
        if self._has_run_engine:
            free = f"run `kzero-scim recover {run.tenant}` to unlock its stack"
        result = TenantResult(
            tenant=run.tenant,
            outcome=Outcome.FAILED,
            error=f"the tenant's process died ({how}); {free}",
            seconds=round(time.monotonic() - deadlines.began, 3),
        )
        return _timed_out(result, deadlines.timeout) if deadlines.passed else result


class _Deadlines:
    """The times at which a tenant is interrupted, its engine is killed, and its worker is killed."""

    def __init__(self, began: float, timeout: float | None) -> None:
        self.began = began
        self.timeout = timeout
        self.passed = 0
        self._at = (
            [began + timeout + extra for extra in (0.0, _INTERRUPTED_SECONDS, _INTERRUPTED_SECONDS + _ENDED_SECONDS)]
            if timeout is not None
            else []
        )

    def remaining(self) -> float | None:
        if self.passed >= len(self._at):
            return None
        return max(0.0, self._at[self.passed] - time.monotonic())

    def next_step(self) -> int:
        self.passed += 1
        return self.passed


def _timed_out(result: TenantResult, timeout: float | None) -> TenantResult:
    if result.outcome is not Outcome.FAILED:
        # It finished at that moment.
        return result
    reason = f"stopped after {timeout:g} s" + (f"; {result.error}" if result.error else "")
    return replace(result, outcome=Outcome.TIMED_OUT, error=reason)
