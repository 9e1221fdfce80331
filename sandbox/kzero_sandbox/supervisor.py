"""The process of a running sandbox: starts the servers, reports the status, and stops them together.

Runs as `python -m kzero_sandbox`; `kzero_sandbox.processes` starts and stops it from another process.
"""

import asyncio
import contextlib
import errno
import fcntl
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from kzero_sandbox.addresses import Ports, Urls
from kzero_sandbox.kzero import tenants
from kzero_sandbox.kzero.admin import KeycloakAdmin
from kzero_sandbox.kzero.keycloak import KeycloakProcess, KeycloakStartError
from kzero_sandbox.layout import Layout, SandboxSecrets, environment, write_environment, write_private
from kzero_sandbox.organisation import Organisation
from kzero_sandbox.serving import listen, port_of
from kzero_sandbox.status import Phase, Status

_WATCH_SECONDS = 0.5


class SandboxStartError(RuntimeError):
    """The sandbox cannot start; the message has the cause and what to do."""


@dataclass(frozen=True, kw_only=True)
class _Listeners:
    kzero: socket.socket
    entra: socket.socket
    keycloak_port: int
    management_port: int

    @property
    def urls(self) -> Urls:
        return Urls(
            kzero=f"https://localhost:{port_of(self.kzero)}",
            entra=f"https://localhost:{port_of(self.entra)}",
            keycloak=f"http://127.0.0.1:{self.keycloak_port}",
        )


class Supervisor:
    """Runs one sandbox until it receives a signal to stop.

    Args:
        directory: The sandbox's directory.
        ports: The ports to listen on; 0 selects a free port.
        follow_stdin: Stop when standard input ends, that is, with the process that holds its other end.
        auto_cycle: Whether Entra runs a provisioning cycle when a job is started, as the real service does.
    """

    def __init__(self, directory: Path, ports: Ports, *, follow_stdin: bool, auto_cycle: bool) -> None:
        """Prepare the sandbox; `run` starts it."""
        self._layout = Layout(directory.resolve())
        self._ports = ports
        self._follow_stdin = follow_stdin
        self._auto_cycle = auto_cycle
        self._organisation = Organisation()
        self._began = time.monotonic()

    def run(self) -> int:
        """Run the sandbox and return the exit code of the process."""
        self._layout.make()
        try:
            with self._lock():
                return self._run_alone()
        except SandboxStartError as error:
            print(error, file=sys.stderr)  # noqa: T201 - the log, or the terminal in the foreground
            return 1

    def _run_alone(self) -> int:
        try:
            asyncio.run(self._serve())
        except (SandboxStartError, KeycloakStartError) as error:
            self._report(Status(phase=Phase.FAILED, message=str(error), pid=os.getpid()))
            print(error, file=sys.stderr)  # noqa: T201 - as above
            return 1
        self._report(Status(phase=Phase.STOPPED, message="stopped", pid=os.getpid()))
        return 0

    async def _serve(self) -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop.set)
        if self._follow_stdin:
            loop.add_reader(sys.stdin.fileno(), stop.set)
        listeners = _listen(self._ports)
        made = self._layout.secrets(self._organisation)
        keycloak = KeycloakProcess(
            home=self._layout.keycloak_home,
            port=listeners.keycloak_port,
            management_port=listeners.management_port,
            public_url=listeners.urls.kzero,
            credentials=made.master,
            log=self._layout.keycloak_log,
        )
        keycloak.start()
        restart = _Restart(keycloak)
        try:
            from kzero_sandbox.servers import serve  # noqa: PLC0415 - see that module

            with serve(
                layout=self._layout,
                urls=listeners.urls,
                organisation=self._organisation,
                credentials=made.master,
                kzero=listeners.kzero,
                entra=listeners.entra,
                auto_cycle=self._auto_cycle,
                restart_keycloak=restart.ask,
            ):
                starting = asyncio.ensure_future(self._get_ready(keycloak, listeners.urls, made))
                stopping = asyncio.ensure_future(stop.wait())
                await asyncio.wait({starting, stopping}, return_when=asyncio.FIRST_COMPLETED)
                if stop.is_set():
                    starting.cancel()
                else:
                    starting.result()
                    await _until_stopped(stop, keycloak, restart)
                stopping.cancel()
        finally:
            keycloak.stop()

    async def _get_ready(self, keycloak: KeycloakProcess, urls: Urls, made: SandboxSecrets) -> None:
        write_environment(self._layout, environment(self._layout, urls, self._organisation, made))

        def progress(message: str) -> None:
            self._report(Status(phase=Phase.STARTING, message=message, pid=os.getpid(), urls=urls))

        await keycloak.wait_ready(progress)
        progress(f"creating KZero tenant {made.tenant.realm}")
        master = made.master
        async with KeycloakAdmin(
            urls.keycloak, client_id=master.client_id, client_secret=master.client_secret
        ) as admin:
            if not await tenants.tenant_exists(admin, made.tenant.realm):
                await tenants.create_tenant(admin, made.tenant)
        took = time.monotonic() - self._began
        self._report(Status(phase=Phase.READY, message=f"ready after {took:.1f} s", pid=os.getpid(), urls=urls))

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        with self._layout.lock_file.open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                message = (
                    f"a sandbox is already running in {self._layout.directory}: stop it with `kzero-scim sandbox down`"
                )
                raise SandboxStartError(message) from None
            yield

    def _report(self, status: Status) -> None:
        write_private(self._layout.status_file, status.to_json())


class _Restart:
    """Restarts Keycloak from the main thread: Linux would end it with any other thread that started it."""

    def __init__(self, keycloak: KeycloakProcess) -> None:
        self._keycloak = keycloak
        self._loop = asyncio.get_running_loop()
        self.is_under_way = False

    async def ask(self) -> None:
        """Restart Keycloak and wait until it answers; call this from another thread's event loop."""
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._restart(), self._loop))

    async def _restart(self) -> None:
        self.is_under_way = True
        try:
            self._keycloak.stop()
            self._keycloak.start()
            await self._keycloak.wait_ready()
        finally:
            self.is_under_way = False


async def _until_stopped(stop: asyncio.Event, keycloak: KeycloakProcess, restart: _Restart) -> None:
    while not stop.is_set():
        reason = None if restart.is_under_way else keycloak.ended()
        if reason is not None:
            raise KeycloakStartError(reason)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _WATCH_SECONDS)


def _listen(ports: Ports) -> _Listeners:
    """Bind the servers' ports, and find free ports for Keycloak.

    Raises:
        SandboxStartError: A port is in use.
    """
    taken: dict[str, socket.socket] = {}
    for name, port in asdict(ports).items():
        try:
            taken[name] = listen(port)
        except OSError as error:
            if error.errno not in {errno.EADDRINUSE, errno.EACCES}:
                raise
            message = f"port {port} on 127.0.0.1 is in use: choose another with --{name}-port, or 0 for any free one"
            raise SandboxStartError(message) from None
    management = listen()
    found = _Listeners(
        kzero=taken["kzero"],
        entra=taken["entra"],
        keycloak_port=port_of(taken["keycloak"]),
        management_port=port_of(management),
    )
    # Keycloak opens these itself.
    taken["keycloak"].close()
    management.close()
    return found
