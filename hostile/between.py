"""Stands between one tenant and the sandbox: passes requests on, until a rule answers one with an attack."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

import httpx
from kzero_sandbox.running import RunningSandbox
from kzero_sandbox.serving import ServerThread, listen, port_of

from hostile.server import Receive, body_of

Fetched = tuple[int, list[tuple[bytes, bytes]], bytes]
Send = Callable[[dict[str, Any]], Awaitable[None]]
_BEARER: Final = re.compile(r"Bearer (\S+)")
_HOP_BY_HOP: Final = frozenset({"connection", "content-encoding", "content-length", "host", "transfer-encoding"})
_OF_KZERO: Final = ("/realms/", "/admin/")
_SECONDS: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request of the product, and the way to answer it.

    Attributes:
        method: Its method.
        path: Its path.
        query: Its query.
        headers: Its headers, names in lower case.
        body: Its body.
        origin: The origin that was asked.
        elsewhere: The origin of another host.
        send: Sends an answer (ASGI).
        fetch: Asks the real service, and returns its status, headers and body.
        is_over: Whether the case has ended, so that an endless answer stops.
    """

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    origin: str
    elsewhere: str
    send: Send
    fetch: Callable[[], Awaitable[Fetched]]
    is_over: Callable[[], bool]

    async def begin(self, status: int = 200, **headers: str) -> None:
        """Send status and headers. An underscore in a name becomes a hyphen."""
        given = {"content_type": "application/json", **headers}
        start = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in given.items()]
        await self.send({"type": "http.response.start", "status": status, "headers": start})

    async def more(self, piece: bytes) -> None:
        """Send a piece of the body."""
        await self.send({"type": "http.response.body", "body": piece, "more_body": True})

    async def whole(self, body: bytes, status: int = 200, **headers: str) -> None:
        """Send a complete answer."""
        await self.begin(status, **headers)
        await self.send({"type": "http.response.body", "body": body})

    async def wait(self, seconds: float = 600.0) -> None:
        """Wait, at most until the case has ended."""
        until = asyncio.get_running_loop().time() + seconds
        while asyncio.get_running_loop().time() < until and not self.is_over():  # noqa: ASYNC110 - another thread ends it
            await asyncio.sleep(min(0.05, seconds))


Attack = Callable[[Asked], Awaitable[None]]


async def pass_on(asked: Asked) -> None:
    """Answer as the real service does."""
    status, headers, body = await asked.fetch()
    await asked.send({"type": "http.response.start", "status": status, "headers": headers})
    await asked.send({"type": "http.response.body", "body": body})


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Which requests are attacked, and how.

    Attributes:
        path: A pattern that is searched for in the path.
        attack: Answers the request.
        method: The method; empty for any.
        agent: How the client's User-Agent begins; empty for any client, also for Entra itself.
    """

    path: str
    attack: Attack
    method: str = ""
    agent: str = ""

    def matches(self, asked: Asked) -> bool:
        """Return whether the rule answers this request."""
        return (
            self.method in {"", asked.method}
            and asked.headers.get("user-agent", "").startswith(self.agent)
            and re.search(self.path, asked.path) is not None
        )


@dataclass
class Between:
    """One origin that is the tenant's Entra and the tenant's KZero.

    Attributes:
        sandbox: The sandbox with the real services.
        url: Its origin.
        elsewhere: The origin of another host, which lies name.
        rules: The attacks; the first that matches a request answers it.
        met: Paths of the requests that an attack answered.
        tokens: All bearer tokens that came.
        arrived: Everything that came, as text.
        told_metadata: Requests to the metadata host with a body, a cookie or credentials.
    """

    sandbox: RunningSandbox
    url: str
    elsewhere: str = ""
    rules: tuple[Rule, ...] = ()
    met: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    arrived: list[str] = field(default_factory=list)
    told_metadata: list[str] = field(default_factory=list)
    _case: int = field(default=0, init=False)
    _http: httpx.AsyncClient = field(init=False)

    def start_case(self, rules: tuple[Rule, ...]) -> None:
        """Attack with these rules from now on, and end all answers of earlier ones."""
        self.rules, self.met, self.tokens, self.arrived, self.told_metadata = rules, [], set(), [], []
        self._case += 1

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request (ASGI)."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        if scope["type"] != "http":
            return
        body = await body_of(receive)
        rules, case = self.rules, self._case
        headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
        asked = Asked(
            method=scope["method"],
            path=scope["path"],
            query=scope["query_string"].decode(),
            headers=headers,
            body=body,
            origin=self.url,
            elsewhere=self.elsewhere,
            send=send,
            fetch=lambda: self._fetch(asked, scope["raw_path"]),
            is_over=lambda: self._case != case,
        )
        self.arrived.append(f"{asked.path}?{asked.query} {headers} {body.decode(errors='replace')}")
        if asked.path.startswith("/metadata/") and (body or {"authorization", "cookie"} & headers.keys()):
            self.told_metadata.append(asked.path)
        self.tokens.update(_BEARER.findall(headers.get("authorization", "")))
        rule = next((rule for rule in rules if rule.matches(asked)), None)
        if rule is not None:
            self.met.append(f"{asked.method} {asked.path}")
        await (rule.attack if rule is not None else pass_on)(asked)

    async def _live(self, receive: Any, send: Send) -> None:  # noqa: ANN401 - ASGI's own
        """Open and close the client of the real services together with the server."""
        await receive()
        async with httpx.AsyncClient(verify=self.sandbox.trust, trust_env=False, timeout=_SECONDS) as self._http:
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _fetch(self, asked: Asked, path: bytes) -> Fetched:
        urls = self.sandbox.urls
        target = urls.kzero if asked.path.startswith(_OF_KZERO) else urls.entra
        given = {name: value for name, value in asked.headers.items() if name not in _HOP_BY_HOP}
        url = httpx.URL(target).copy_with(raw_path=path + (f"?{asked.query}".encode() if asked.query else b""))
        content = asked.body
        if asked.path.endswith("/token"):
            # The scope of a token names Graph by its origin.
            content = content.replace(quote(self.url, safe="").encode(), quote(urls.entra, safe="").encode())
        answer = await self._http.request(asked.method, url, headers=given, content=content)
        headers = [
            (name.lower(), self._renamed(value))
            for name, value in answer.headers.raw
            if name.lower().decode() not in _HOP_BY_HOP
        ]
        return answer.status_code, headers, self._renamed(answer.content)

    def _renamed(self, text: bytes) -> bytes:
        """Return a text with the services' origins replaced by this one: their documents name themselves."""
        for origin in (self.sandbox.urls.entra, self.sandbox.urls.kzero):
            text = text.replace(origin.encode(), self.url.encode())
        return text


@contextmanager
def between(sandbox: RunningSandbox) -> Iterator[Between]:
    """Serve with the sandbox's own certificate, which all commands trust, while the block runs."""
    listener = listen()
    made = Between(sandbox, f"https://localhost:{port_of(listener)}")
    with ServerThread(made, listener=listener, certificates=sandbox.layout.certificates()):
        try:
            yield made
        finally:
            made.start_case(())
