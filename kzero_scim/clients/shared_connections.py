"""Connections that the clients of many tenants share, so that none greets a server anew that another is connected to.

Only connections: tokens and cookies stay with the client of the tenant that they are of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, Final, TypeVar, cast

import httpx

from kzero_scim.clients.retries import RetryingClient
from kzero_scim.clients.tls import ssl_context

T = TypeVar("T")

_KEPT: Final = 64
"""Idle connections that are kept."""


class SharedConnections:
    """A pool of connections to any server, verified by :func:`ssl_context`, by way of the environment's proxies.

    There is no limit to their number: a server that does not answer must not keep others' clients waiting.
    """

    def __init__(self) -> None:
        """Open nothing yet."""
        self._known: dict[str, asyncio.Task[Any]] = {}
        self._http = httpx.AsyncClient(
            verify=ssl_context(),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=_KEPT, keepalive_expiry=30.0),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
            follow_redirects=False,
        )

    def transport(self) -> httpx.AsyncBaseTransport:
        """Give what one client sends by; closing it closes nothing."""
        return _Lent(self._http)

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
        await self._http.aclose()


class _Lent(httpx.AsyncBaseTransport):
    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request as it is."""
        answer = await self._http.send(request, stream=True)
        return httpx.Response(
            answer.status_code, headers=answer.headers, stream=answer.stream, extensions=answer.extensions
        )
