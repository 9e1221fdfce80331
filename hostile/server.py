"""A server with answers that no service should give: redirects, endless or slow bodies, wrong types."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kzero_sandbox.serving import ServerThread, issue_certificates, listen, port_of

Scope = dict[str, Any]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Receive = Callable[[], Awaitable[dict[str, Any]]]
PIECE = b" " * (1024 * 1024)


@dataclass
class HostileServer:
    """One origin.

    Attributes:
        url: Its origin, ``https://localhost:<port>``.
        ca_file: Certificate of the authority that signed its certificate.
        received: Method, path, Authorization header and body of all requests.
        accepted: Accept-Encoding header of all requests.
        status: Status of its answers.
        headers: Additional headers of its answers.
        body: Body of its answers.
        size: Megabytes of spaces after the body.
        pause: Seconds before each byte of the body; 0 sends the body at once.
        echo: Makes the body from the Authorization header and the request's body.
    """

    url: str
    ca_file: Path
    received: list[tuple[str, str, str, bytes]] = field(default_factory=list)
    accepted: list[str] = field(default_factory=list)
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    size: int = 0
    pause: float = 0.0
    echo: Callable[[str], bytes] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] != "http":
            return
        content = await body_of(receive)
        sent = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        self.received.append((scope["method"], scope["path"], sent.get("authorization", ""), content))
        self.accepted.append(sent.get("accept-encoding", ""))
        headers = {"content-type": "application/json", **self.headers}
        start = [(name.encode(), value.encode()) for name, value in headers.items()]
        await send({"type": "http.response.start", "status": self.status, "headers": start})
        if self.echo is not None:
            self.body = self.echo(f"{sent.get('authorization', '')} {content.decode()}")
        pieces = [bytes([byte]) for byte in self.body] if self.pause else [self.body, *([PIECE] * self.size)]
        for piece in pieces:
            await asyncio.sleep(self.pause)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    def begin_anew(self) -> None:
        """Clear the requests, and restore the default answers."""
        vars(self).update(vars(HostileServer(self.url, self.ca_file)))

    def redirect_to(self, other: HostileServer, status: int) -> None:
        """Redirect all requests to another server."""
        self.status, self.headers = status, {"location": f"{other.url}/elsewhere"}


async def body_of(receive: Receive) -> bytes:
    """Return the whole body of a request (ASGI)."""
    body: bytes = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            return body


@contextmanager
def hostile_servers(directory: Path, count: int = 1) -> Iterator[list[HostileServer]]:
    """Run some servers with certificates of one authority while the block runs."""
    files = issue_certificates(directory)
    listeners = [listen() for _ in range(count)]
    servers = [HostileServer(f"https://localhost:{port_of(listener)}", files.ca_file) for listener in listeners]
    threads = [
        ServerThread(server, listener=listener, certificates=files)
        for server, listener in zip(servers, listeners, strict=True)
    ]
    for thread in threads:
        thread.__enter__()
    try:
        yield servers
    finally:
        for thread in threads:
            thread.__exit__(None, None, None)
