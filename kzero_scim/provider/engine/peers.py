"""Decides who may talk to a provider: its own engine. Knows no request.

gRPC on loopback knows nothing about who connects, and PULUMI_DEBUG_PROVIDERS, which names the port, has no place for a
password. Linux shows each connection's user and socket, so a stranger gets nothing there. Elsewhere any process of this
machine can connect: loopback is the only limit.
"""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

import grpc
import grpc.aio

_CONNECTIONS: Final = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
"""gRPC's own sockets are of the second kind, also for IPv4."""
_PEER: Final = re.compile(r"ipv4:127\.0\.0\.1:(?P<port>\d+)")
_LOOPBACK: Final = re.compile(r"(?:0{16}FFFF0000)?0100007F:(?P<port>[0-9A-F]{4})")
_KNOWN_SECONDS: Final = 1.0
"""How long an allowed connection is not looked up again: its port may be another's later."""


class OwnEngineOnly(grpc.aio.ServerInterceptor):
    """Refuses requests of every connection that is not of this user or, if that is known, not of the engine's session.

    Args:
        engine: Returns the engine's session ID, 0 while none runs; None if it is not known.
    """

    def __init__(self, engine: Callable[[], int] | None = None) -> None:
        """Know no connection yet."""
        self.port = 0
        """The port that the provider serves; set as soon as there is one."""
        self._engine = engine
        self._allowed: dict[str, float] = {}

    async def intercept_service(
        self,
        continuation: Callable[[Any], Awaitable[Any]],
        details: Any,  # noqa: ANN401 - grpc's
    ) -> Any:  # noqa: ANN401 - grpc's
        """Return the handler of a request, which first looks at the connection."""
        handler = await continuation(details)
        answer: Any = getattr(handler, "unary_unary", None)
        if answer is None:
            return None

        async def checked(request: Any, context: Any) -> Any:  # noqa: ANN401 - any request
            if not self._is_allowed(context.peer()):
                await context.abort(grpc.StatusCode.PERMISSION_DENIED, "this provider serves its own engine only")
            return await answer(request, context)

        make: Any = grpc.unary_unary_rpc_method_handler
        return make(
            checked,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _is_allowed(self, peer: str) -> bool:
        now = time.monotonic()
        if now - self._allowed.get(peer, -_KNOWN_SECONDS) < _KNOWN_SECONDS:
            return True
        if not self._is_own(peer):
            return False
        self._allowed[peer] = now
        return True

    def _is_own(self, peer: str) -> bool:
        found = _PEER.fullmatch(unquote(peer))
        sockets = _sockets()
        if not any(local == self.port for local, _ in sockets):
            return True  # not Linux, or a table that does not even show this provider
        socket = sockets.get((int(found["port"]), self.port)) if found else None
        if socket is None:
            return False
        user, inode = socket
        return user == os.getuid() and (self._engine is None or _has_socket(self._engine(), inode))


def _sockets() -> dict[tuple[int, int], tuple[int, str]]:
    """Return the loopback's connections: their own and their remote port to their user and inode."""
    found = {}
    for file in _CONNECTIONS:
        try:
            lines = file.read_text().splitlines()[1:]
        except OSError:
            continue
        for fields in map(str.split, lines):
            ends = [_LOOPBACK.fullmatch(field) for field in fields[1:3]]
            if all(ends):
                local, remote = (int(end["port"], 16) for end in ends if end)
                found[local, remote] = (int(fields[7]), fields[9])
    return found


def _has_socket(session: int, inode: str) -> bool:
    if not session:
        return False  # 0 is also the session of every process whose session's leader is outside this container
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.getsid(int(folder.name)) == session and any(
                str(entry.readlink()) == f"socket:[{inode}]" for entry in (folder / "fd").iterdir()
            ):
                return True
    return False
