"""Faults that tests switch on in the sandbox: a matching request is held, refused, cut off or truncated.

Shared by the Entra emulator and the KZero front. Must not know either.
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
"""Seconds after which a held request continues unreleased, so that a test that dies leaves no request hanging."""
_CODES = {429: "TooManyRequests", 403: "Authorization_RequestDenied", 404: "Request_ResourceNotFound"}


@dataclass(eq=False)
class Fault:
    """A rule: which requests it matches and what happens to them.

    `hold` and `truncate` make `status` default to 0: the service processes the request and sends its own response.
    """

    path: re.Pattern[str]
    """Searched for in the path, which includes the API version, tenant or realm but not the query."""
    method: str | None = None
    status: int = 503
    """The status to send instead of the service's response; 0 sends the service's response."""
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int | None = 1
    """How many more requests the rule applies to; None for all."""
    skip: int = 0
    """How many matching requests to let through first."""
    when: Literal["before", "after"] = "before"
    """Whether the fault occurs before or after the service processes the request."""
    delay: float = 0.0
    """Seconds to wait before the response; with `hold`, the longest wait."""
    hold: bool = False
    """Hold the request until the faults are cleared."""
    reset_connection: bool = False
    """Close the connection instead of responding."""
    truncate: bool = False
    """Send only the first half of the body."""
    id: int = 0
    seen: int = field(default=0, init=False)
    """How many requests the rule has matched."""
    held: int = field(default=0, init=False)
    """How many requests the rule is holding."""
    _released: asyncio.Event = field(default_factory=asyncio.Event, init=False)

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Parse a rule in the control API's format.

        Raises:
            ValueError: The rule has an unknown member or an invalid value.
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
            message = f"'when' must be 'before' or 'after', not '{when}'"
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
        """Return the rule in the control API's format."""
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
        """Return whether the rule applies to this request."""
        return (not self.method or self.method.upper() == method.upper()) and bool(self.path.search(path))

    @property
    def answers(self) -> bool:
        """Whether the rule replaces the service's own response."""
        return self.status != 0 or self.reset_connection

    def answer_body(self) -> Any:  # noqa: ANN401 - JSON
        """Return the response body: the rule's own, or an error in Graph's format."""
        if self.body is not None:
            return self.body
        code = _CODES.get(self.status, "UnknownError")
        return {"error": {"code": code, "message": "Fault switched on in the sandbox."}}

    async def wait(self) -> None:
        """Wait for the rule's delay, or until the rule is released."""
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
        """Release the requests that the rule holds."""
        self._released.set()


class BrokenResponse(Response):
    """A response that stops after its headers, so that the server closes the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Announce a body and send none."""
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})


class Faults:
    """The rules of one server; the first that matches a request applies."""

    def __init__(self) -> None:
        """Start without rules."""
        self._rules: list[Fault] = []
        self._met: dict[int, Fault] = {}
        self._ids = itertools.count(1)

    def __iter__(self) -> Iterator[Fault]:
        """Iterate over the rules that are still active."""
        return iter(self._rules)

    def add(self, *rules: Fault) -> None:
        """Activate rules."""
        for rule in rules:
            rule.id = next(self._ids)
            self._met[rule.id] = rule
        self._rules += rules

    def find(self, rule_id: int) -> Fault:
        """Return a rule, even if it is used up.

        Raises:
            KeyError: No rule has this id, or the faults were cleared since.
        """
        return self._met[rule_id]

    def clear(self, path: str | None = None) -> None:
        """Remove all rules, or only those with this pattern, and release the requests that they hold."""
        for rule in [rule for rule in self._met.values() if path in {None, rule.path.pattern}]:
            rule.release()
            del self._met[rule.id]
            if rule in self._rules:
                self._rules.remove(rule)

    def take(self, method: str, path: str) -> Fault | None:
        """Return the rule that applies to this request, and count the request."""
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
        """Respond to a request as the service does, or as a rule says."""
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
    """Release the connection behind a streamed response."""
    await _whole(response)


async def _whole(response: Response) -> bytes:
    if not isinstance(response, StreamingResponse):
        return bytes(response.body)
    pieces = [piece if isinstance(piece, bytes) else str(piece).encode() async for piece in response.body_iterator]
    if response.background is not None:
        await response.background()
    return b"".join(pieces)
