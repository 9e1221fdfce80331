"""Faults that are switched on in the sandbox: requests that match a rule are held, refused, broken off or cut short.

Shared by the Entra emulator and the KZero front; knows neither.
"""

import asyncio
import itertools
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Self

from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.types import Receive, Scope, Send

Json = dict[str, Any]
CarryOut = Callable[[], Awaitable[Response]]

_LONGEST_HOLD = 300.0
"""Seconds after which a held request goes on by itself, so that a test that dies leaves nothing hanging."""
_CODES = {429: "TooManyRequests", 403: "Authorization_RequestDenied", 404: "Request_ResourceNotFound"}


@dataclass(eq=False)
class Fault:
    """A rule: what becomes of requests that match.

    With `hold` or `truncate`, `status` is 0 unless given: the request is carried out and answered for real.
    """

    path: re.Pattern[str]
    """Searched in the path with its version, tenant or realm, without the query."""
    method: str | None = None
    status: int = 503
    """Answered in the place of the service; 0: the service answers."""
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int | None = 1
    """How many requests more; None: all."""
    skip: int = 0
    """How many matching requests are let through first."""
    when: Literal["before", "after"] = "before"
    """Whether the service has carried the request out when it happens."""
    delay: float = 0.0
    """Seconds before the answer; with `hold` the longest."""
    hold: bool = False
    """Keep the request until the faults are cleared."""
    reset_connection: bool = False
    """Break the connection off instead of answering."""
    truncate: bool = False
    """Answer with the first half of the body only."""
    id: int = 0
    seen: int = field(default=0, init=False)
    """How many requests it has met."""
    held: int = field(default=0, init=False)
    """How many are being held."""
    _released: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Read a rule as the control API takes it.

        Raises:
            ValueError: for a member that does not exist or a value that makes no sense.
        """
        known = {
            "path",
            "method",
            "status",
            "body",
            "headers",
            "times",
            "skip",
            "when",
            "delay",
            "hold",
            "resetConnection",
            "truncate",
        }
        for name in data.keys() - known:
            message = f"a fault has no '{name}'; it has {', '.join(sorted(known))}"
            raise ValueError(message)
        when = data.get("when", "before")
        if when not in ("before", "after"):
            message = f"a fault happens 'before' or 'after' the request is carried out, not '{when}'"
            raise ValueError(message)
        hold, truncate = bool(data.get("hold", False)), bool(data.get("truncate", False))
        return cls(
            path=re.compile(str(data.get("path", ""))),
            method=data.get("method"),
            status=int(data.get("status", 0 if hold or truncate else 503)),
            body=data.get("body"),
            headers={str(name): str(value) for name, value in data.get("headers", {}).items()},
            times=data.get("times", 1),
            skip=int(data.get("skip", 0)),
            when=when,
            delay=float(data.get("delay", 0)),
            hold=hold,
            reset_connection=bool(data.get("resetConnection", False)),
            truncate=truncate,
        )

    def shown(self) -> Json:
        """Return the rule as the control API shows it."""
        return {
            "id": self.id,
            "path": self.path.pattern,
            "method": self.method,
            "status": self.status,
            "body": self.body,
            "headers": dict(self.headers),
            "times": self.times,
            "skip": self.skip,
            "when": self.when,
            "delay": self.delay,
            "hold": self.hold,
            "resetConnection": self.reset_connection,
            "truncate": self.truncate,
            "seen": self.seen,
            "held": self.held,
        }

    def matches(self, method: str, path: str) -> bool:
        """Tell whether the rule is about such a request."""
        return (not self.method or self.method.upper() == method.upper()) and bool(self.path.search(path))

    @property
    def answers(self) -> bool:
        """Whether the answer is not the service's own."""
        return self.status != 0 or self.reset_connection

    def answer_body(self) -> Any:  # noqa: ANN401 - JSON
        """Return the body of the answer: the given one, or an error of Graph's shape."""
        if self.body is not None:
            return self.body
        code = _CODES.get(self.status, "UnknownError")
        return {"error": {"code": code, "message": "Fault switched on in the sandbox."}}

    async def wait(self) -> None:
        """Wait as long as the rule says."""
        if not self.hold:
            await asyncio.sleep(self.delay)
            return
        self.held += 1
        try:
            async with asyncio.timeout(self.delay or _LONGEST_HOLD):
                await self._released.wait()
        except TimeoutError:
            pass
        finally:
            self.held -= 1

    def release(self) -> None:
        """Let go of what is held."""
        self._released.set()


class BrokenResponse(Response):
    """An answer that stops after its head, so that the server closes the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Promise a body and send none."""
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})


class Faults:
    """The rules of one server; the first that matches a request decides."""

    def __init__(self) -> None:
        """Start with none."""
        self._rules: list[Fault] = []
        self._met: dict[int, Fault] = {}
        self._ids = itertools.count(1)

    def __iter__(self) -> Iterator[Fault]:
        """Go through the rules that are still on."""
        return iter(self._rules)

    def add(self, *rules: Fault) -> None:
        """Switch rules on."""
        for rule in rules:
            rule.id = next(self._ids)
            self._met[rule.id] = rule
        self._rules += rules

    def find(self, rule_id: int) -> Fault:
        """Return a rule, also one that is used up.

        Raises:
            KeyError: There is none, or the faults were cleared since.
        """
        return self._met[rule_id]

    def clear(self, path: str | None = None) -> None:
        """Switch all off, or those of one pattern alone, and let go of what is held."""
        for rule in [rule for rule in self._met.values() if path in {None, rule.path.pattern}]:
            rule.release()
            del self._met[rule.id]
            if rule in self._rules:
                self._rules.remove(rule)

    def take(self, method: str, path: str) -> Fault | None:
        """Return the rule for this request, and count it."""
        for rule in self._rules:
            if not rule.matches(method, path):
                continue
            if rule.skip > 0:
                rule.skip -= 1
                continue
            rule.seen += 1
            if rule.times is not None:
                rule.times -= 1
                if rule.times <= 0:
                    self._rules.remove(rule)
            return rule
        return None

    async def around(self, method: str, path: str, carry_out: CarryOut) -> Response:
        """Answer a request: as the service does, or as a rule wants it."""
        rule = self.take(method, path)
        if rule is None:
            return await carry_out()
        if rule.when == "before":
            await rule.wait()
            if rule.answers:
                return _answer(rule)
        response = await carry_out()
        if rule.when == "after":
            await rule.wait()
            if rule.answers:
                await _drop(response)
                return _answer(rule)
        return await _half(response) if rule.truncate else response


def _answer(rule: Fault) -> Response:
    if rule.reset_connection:
        return BrokenResponse(status_code=rule.status or 503)
    return JSONResponse(rule.answer_body(), rule.status, headers=dict(rule.headers))


async def _half(response: Response) -> Response:
    body = await _whole(response)
    cut = Response(body[: len(body) // 2], response.status_code)
    cut.raw_headers = [(name, value) for name, value in response.raw_headers if name.lower() != b"content-length"]
    cut.headers["content-length"] = str(len(body) // 2)
    return cut


async def _drop(response: Response) -> None:
    """Give the connection behind a streamed answer back."""
    await _whole(response)


async def _whole(response: Response) -> bytes:
    if not isinstance(response, StreamingResponse):
        return bytes(response.body)
    pieces = [piece if isinstance(piece, bytes) else str(piece).encode() async for piece in response.body_iterator]
    if response.background is not None:
        await response.background()
    return b"".join(pieces)
