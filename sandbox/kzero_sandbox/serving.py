"""Serve an ASGI app on loopback from a thread, with TLS by a throw-away certificate authority.

Must not know the apps that it serves.
"""

import asyncio
import socket
import threading
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import trustme
import uvicorn

HOST = "127.0.0.1"
_START_SECONDS = 15.0
_STOP_SECONDS = 10.0


@dataclass(frozen=True, kw_only=True)
class Certificates:
    """The files of one server's TLS identity and of the authority that signed it."""

    ca_file: Path
    """The authority's certificate, which clients trust."""
    certificate_file: Path
    """The server's certificate chain."""
    key_file: Path
    """The server's private key."""


def issue_certificates(directory: Path, *names: str) -> Certificates:
    """Create an authority and a server certificate for the names, and write both to the directory.

    Args:
        directory: Where to write ca.pem, server.pem and server-key.pem; created if it is missing.
        names: The server's host names and addresses; by default `localhost` and 127.0.0.1.
    """
    directory.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA(organization_name="kzero-scim sandbox")
    server = authority.issue_cert(*(names or ("localhost", HOST)))
    files = Certificates(
        ca_file=directory / "ca.pem",
        certificate_file=directory / "server.pem",
        key_file=directory / "server-key.pem",
    )
    authority.cert_pem.write_to_path(files.ca_file)
    files.certificate_file.write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))
    files.key_file.touch(mode=0o600)
    server.private_key_pem.write_to_path(files.key_file)
    return files


def listen(port: int = 0) -> socket.socket:
    """Return a socket that listens on loopback; port 0 selects a free port.

    It exists before the app does, so that an app that must know its own address can be created with it.
    """
    # Name the protocol: asyncio disables Nagle's algorithm only where it sees TCP. Otherwise each response takes 40 ms
    # longer.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, port))
    listener.listen(128)
    listener.setblocking(False)  # noqa: FBT003 - the name of the only argument
    return listener


def port_of(listener: socket.socket) -> int:
    """Return the port of a listening socket."""
    port: int = listener.getsockname()[1]
    return port


class _Server(uvicorn.Server):
    """uvicorn's server, but it does not wait for idle connections when it stops.

    A TLS close waits for the other side, and a client does not read from an idle connection.
    """

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in list(self.server_state.connections):
            cycle = getattr(connection, "cycle", None)
            if cycle is None or cycle.response_complete:
                _abort(connection)
        await super().shutdown(sockets)
        for connection in list(self.server_state.connections):
            _abort(connection)
        await asyncio.sleep(0)


def _abort(connection: Any) -> None:  # noqa: ANN401 - uvicorn has one class per protocol implementation
    if connection.transport is not None:
        connection.transport.abort()


class ServerThread:
    """Context manager that serves an ASGI app with uvicorn from a thread while the block runs.

    Example:
        listener = listen()
        app = make_app(f"https://localhost:{port_of(listener)}")
        with ServerThread(app, listener=listener, certificates=files) as server:
            httpx.get(server.url, verify=ssl_context)
    """

    def __init__(
        self,
        app: Any,  # noqa: ANN401 - frameworks type the ASGI callable differently
        *,
        port: int = 0,
        listener: socket.socket | None = None,
        certificates: Certificates | None = None,
    ) -> None:
        """Prepare the server.

        Args:
            app: The ASGI application.
            port: The port to listen on; 0 selects a free port. Ignored with `listener`.
            listener: A socket from `listen`, for an app that must know its port.
            certificates: Serve https with these; None serves http.
        """
        self._listener = listener if listener is not None else listen(port)
        self._scheme = "https" if certificates else "http"
        self._server = _Server(
            uvicorn.Config(
                app,
                log_level="warning",
                access_log=False,
                ws="none",
                loop="asyncio",
                timeout_graceful_shutdown=2,
                # Longer than any client keeps one, so that no request arrives at a connection that is being closed.
                timeout_keep_alive=90,
                ssl_certfile=certificates.certificate_file if certificates else None,
                ssl_keyfile=certificates.key_file if certificates else None,
            )
        )
        self._thread = threading.Thread(target=self._run, name="sandbox-server", daemon=True)
        self.port = port_of(self._listener)

    @property
    def url(self) -> str:
        """The server's origin, without a trailing slash."""
        host = "localhost" if self._scheme == "https" else HOST
        return f"{self._scheme}://{host}:{self.port}"

    def __enter__(self) -> Self:
        """Start serving and return once requests are answered."""
        self._thread.start()
        self._await_start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop serving and wait for the thread to end."""
        self._server.should_exit = True
        self._thread.join(_STOP_SECONDS)
        self._listener.close()

    def _run(self) -> None:
        self._server.run(sockets=[self._listener])

    def _await_start(self) -> None:
        waited = 0.0
        while not self._server.started:
            self._thread.join(0.02)  # returns at once when the thread has died
            waited += 0.02
            if not self._thread.is_alive() or waited > _START_SECONDS:
                message = f"server on port {self.port} did not start; the log above contains the reason"
                raise RuntimeError(message)
