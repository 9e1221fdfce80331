"""Connections that the clients of many tenants share, to save connection set-ups. Must not know tokens or cookies.

Tokens and cookies stay with each tenant's own client.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final, TypeVar, cast

import httpx

from kzero_scim.clients.proxies import check_proxies
from kzero_scim.clients.retries import RetryingClient
from kzero_scim.clients.tls import ssl_context

T = TypeVar("T")

_KEPT: Final = 32
"""Idle connections to keep per server."""


class SharedConnections:
    """A pool of connections, verified by :func:`ssl_context`, through the environment's proxies.

    Their number has no limit, so that a server that does not answer cannot block requests to other servers.
    """

    def __init__(self) -> None:
        """Open no connection yet."""
        self._is_closed = False
        self._known: dict[str, asyncio.Task[Any]] = {}
        self._idle: defaultdict[tuple[str, str, int | None], list[httpx.AsyncClient]] = defaultdict(list)

    def transport(self) -> httpx.AsyncBaseTransport:
        """Return a transport for one client. Closing it leaves the shared connections open."""
        return _Lent(self)

    @asynccontextmanager
    async def lend(self, url: httpx.URL) -> AsyncIterator[httpx.AsyncClient]:
        """Yield a connection for one request and its answer: the idle one that was used last, or a new one."""
        idle = self._idle[url.scheme, url.host, url.port]
        http = idle.pop() if idle else _connection()
        try:
            yield http
        finally:
            if len(idle) < _KEPT and not self._is_closed:
                idle.append(http)
            else:
                await http.aclose()

    async def once(self, key: str, ask: Callable[[httpx.AsyncClient], Awaitable[T]]) -> T:
        """Return what is the same for all tenants, requested once. After a failure the next caller requests it again.

        Args:
            key: Identifies the request.
            ask: Makes the request with a given client.
        """
        task = self._known.get(key)
        if task is None:
            task = self._known[key] = asyncio.create_task(self._ask(ask))
        try:
            return cast("T", await asyncio.shield(task))
        except Exception:
            if self._known.get(key) is task:
                del self._known[key]
            raise

    async def _ask(self, ask: Callable[[httpx.AsyncClient], Awaitable[T]]) -> T:
        async with RetryingClient(timeout=10.0, transport=self.transport()) as http:
            return await ask(http)

    async def aclose(self) -> None:
        """Close all connections."""
        self._is_closed = True
        for task in self._known.values():
            task.cancel()
        await asyncio.gather(*self._known.values(), return_exceptions=True)
        for idle in self._idle.values():
            while idle:
                await idle.pop().aclose()


class _Lent(httpx.AsyncBaseTransport):
    def __init__(self, connections: SharedConnections) -> None:
        self._connections = connections

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request unchanged. Its connection is free again when the answer is read or closed."""
        async with AsyncExitStack() as stack:
            http = await stack.enter_async_context(self._connections.lend(request.url))
            answer = await http.send(request, stream=True)
            stack.push_async_callback(answer.aclose)
            stream = _Stream(answer, stack.pop_all())
        return httpx.Response(answer.status_code, headers=answer.headers, stream=stream, extensions=answer.extensions)


class _Stream(httpx.AsyncByteStream):
    def __init__(self, answer: httpx.Response, stack: AsyncExitStack) -> None:
        self._answer = answer
        self._stack = stack

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the body as received; the caller decodes it."""
        async for piece in self._answer.aiter_raw():
            yield piece

    async def aclose(self) -> None:
        """Return the connection to the pool."""
        await self._stack.aclose()


def _connection() -> httpx.AsyncClient:
    """Return a client with a single connection. A pool of many examines each of them for each request."""
    check_proxies()
    return httpx.AsyncClient(
        verify=ssl_context(),
        limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=30.0),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
    )
