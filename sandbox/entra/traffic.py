"""What comes in: a log of requests for assertions, and faults that are answered in the place of Graph or login.

Secrets do not reach the log: of login forms the names only, of credentials the keys only.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from .application_template import now

Json = dict[str, Any]
_MAXIMUM_LOG = 20_000


@dataclass
class Fault:
    """A rule: requests that match are answered so."""

    path: re.Pattern[str]
    """Searched in the path with its version or tenant, without the query."""
    method: str | None = None
    status: int = 503
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int | None = 1
    """How many requests more; None: all."""
    delay: float = 0.0
    """Seconds before the answer; with `status` 0 the request goes through after it."""
    reset_connection: bool = False
    """Break the connection off instead of answering."""

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Read a rule as the control API takes it.

        Raises:
            ValueError: for a member that does not exist, or a path that is no pattern.
        """
        known = {"path", "method", "status", "body", "headers", "times", "delay", "resetConnection"}
        for name in data.keys() - known:
            message = f"a fault has no '{name}'; it has {', '.join(sorted(known))}"
            raise ValueError(message)
        return cls(
            path=re.compile(str(data.get("path", ""))),
            method=data.get("method"),
            status=int(data.get("status", 503)),
            body=data.get("body"),
            headers={str(name): str(value) for name, value in data.get("headers", {}).items()},
            times=data.get("times", 1),
            delay=float(data.get("delay", 0)),
            reset_connection=bool(data.get("resetConnection", False)),
        )

    def shown(self) -> Json:
        """Return the rule as the control API shows it."""
        return {
            "path": self.path.pattern,
            "method": self.method,
            "status": self.status,
            "body": self.body,
            "headers": dict(self.headers),
            "times": self.times,
            "delay": self.delay,
            "resetConnection": self.reset_connection,
        }

    def answer_body(self) -> Any:  # noqa: ANN401 - JSON
        """Return the body of the answer: the given one, or an error of Graph's shape."""
        if self.body is not None:
            return self.body
        code = {429: "TooManyRequests", 403: "Authorization_RequestDenied", 404: "Request_ResourceNotFound"}
        return {
            "error": {"code": code.get(self.status, "UnknownError"), "message": "Fault switched on in the sandbox."}
        }


class BrokenResponse(Response):
    """An answer that stops after its head, so that the server closes the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Promise a body and send none."""
        del scope, receive
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})


class Traffic:
    """The request log and the faults."""

    def __init__(self) -> None:
        """Start with neither."""
        self.faults: list[Fault] = []
        self.log: list[Json] = []
        self.consistency_reads = 0
        """For how many requests an object that was just created is not found yet."""
        self._unsettled: dict[str, int] = {}

    def note(  # noqa: PLR0913 - what a request has
        self, method: str, path: str, query: str, *, body: Json | None, user_agent: str | None, batch: bool = False
    ) -> Json:
        """Log a request; the caller fills in `client` and `status` when they are known."""
        entry = {
            "at": now(),
            "method": method,
            "path": path,
            "query": query,
            "client": None,
            "userAgent": user_agent,
            "batch": batch,
            "body": _without_secrets(path, body),
            "status": None,
        }
        self.log.append(entry)
        if len(self.log) > _MAXIMUM_LOG:
            del self.log[: _MAXIMUM_LOG // 10]
        return entry

    async def fault(self, method: str, path: str) -> Fault | None:
        """Return the fault that answers this request, after its delay; None: none does."""
        for rule in self.faults:
            if (rule.method and rule.method.upper() != method.upper()) or not rule.path.search(path):
                continue
            if rule.times is not None:
                rule.times -= 1
                if rule.times <= 0:
                    self.faults.remove(rule)
            if rule.delay:
                await asyncio.sleep(rule.delay)
            return None if rule.status == 0 and not rule.reset_connection else rule
        return None

    def respond(self, rule: Fault) -> Response:
        """Return the HTTP answer of a fault."""
        if rule.reset_connection:
            return BrokenResponse()
        return JSONResponse(rule.answer_body(), rule.status, headers=dict(rule.headers))

    def created(self, body: Any) -> None:  # noqa: ANN401 - JSON
        """Note what an answer 201 created."""
        if not self.consistency_reads or not isinstance(body, dict):
            return
        for item in (body, body.get("application"), body.get("servicePrincipal")):
            if isinstance(item, dict) and isinstance(item.get("id"), str):
                self._unsettled[item["id"]] = self.consistency_reads

    def unsettled(self, path: str) -> str | None:
        """Return the id in the path of an object that is not to be found yet; counts the request."""
        for segment in path.split("/"):
            left = self._unsettled.get(segment, 0)
            if left:
                self._unsettled[segment] = left - 1
                return segment
        return None

    def clear(self) -> None:
        """Forget log, faults and settings."""
        self.faults.clear()
        self.log.clear()
        self._unsettled.clear()
        self.consistency_reads = 0


def _without_secrets(path: str, body: Any) -> Any:  # noqa: ANN401 - JSON
    if path.endswith("/token") and isinstance(body, dict):
        return dict.fromkeys(body, "*")
    if not isinstance(body, dict):
        return body
    hidden = dict(body)
    for name in ("value", "credentials"):
        if isinstance(body.get(name), list):
            hidden[name] = [_pair(item) for item in body[name]]
    return hidden


def _pair(item: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(item, dict) and item.keys() >= {"key", "value"}:
        return {**item, "value": "*" if item["value"] else ""}
    return item
