"""Connections that the clients of many tenants share, so that none greets a server anew that another is connected to.

Only connections: tokens and cookies stay with the client of the tenant that they are of.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final, TypeVar, cast

import httpx

from kzero_scim.clients.retries import RetryingClient
from kzero_scim.clients.tls import ssl_context

T = TypeVar("T")

_KEPT: Final = 32
"""Idle connections that are kept to one server."""


class SharedConnections:
    """Connections to any server, verified by :func:`ssl_context`, by way of the environment's proxies.

    There is no limit to their number: a server that does not answer must not keep others' clients waiting.
    """

    def __init__(self) -> None:
        """Open nothing yet."""
        self._known: dict[str, asyncio.Task[Any]] = {}
        self._idle: defaultdict[tuple[str, str, int | None], list[httpx.AsyncClient]] = defaultdict(list)

    def transport(self) -> httpx.AsyncBaseTransport:
        """Give what one client sends by; closing it closes nothing."""
        return _Lent(self)

    @asynccontextmanager
    async def lend(self, url: httpx.URL) -> AsyncIterator[httpx.AsyncClient]:
        """Give a connection to a server for one request and its answer; the one used last, if one is idle."""
        idle = self._idle[url.scheme, url.host, url.port]
        http = idle.pop() if idle else _connection()
        try:
            yield http
        finally:
            if len(idle) < _KEPT:
                idle.append(http)
            else:
                await http.aclose()

    async def once(self, key: str, ask: Callable[[httpx.AsyncClient], Awaitable[T]]) -> T:
        """Ask something that is the same for all tenants, once; a failure is asked again by whoever comes next.

        Args:
            key: What is asked.
            ask: Asks it with the client that it is given.
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
        """Close the connections."""
        for task in self._known.values():
            task.cancel()
        for idle in self._idle.values():
            while idle:
                await idle.pop().aclose()


class _Lent(httpx.AsyncBaseTransport):
    def __init__(self, connections: SharedConnections) -> None:
        self._connections = connections

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request as it is; its connection is free for others when the answer is read or closed."""
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
        """Give the body as it came; who asked decodes it."""
        async for piece in self._answer.aiter_raw():
            yield piece

    async def aclose(self) -> None:
        """Give the connection back."""
        await self._stack.aclose()


def _connection() -> httpx.AsyncClient:
    """Make a client of one connection: a pool of many looks at each of them for each request."""
    return httpx.AsyncClient(
        verify=ssl_context(),
        limits=httpx.Limits(max_connections=1, max_keepalive_connections=1, keepalive_expiry=30.0),
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
    )
