"""A Microsoft Graph with one synchronization job, in memory, which records requests and answers them.

It follows Graph's documentation (https://learn.microsoft.com/graph/api/resources/synchronization-overview) as far as
the tests of single resources need. The sandbox has all of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, cast

import httpx
from kzero_sandbox.entra.default_schema import default_schema

from kzero_scim.clients.graph.client import RETRIES, GraphClient
from kzero_scim.clients.graph.cloud import Cloud
from kzero_scim.clients.graph.sign_in import SignIn
from kzero_scim.clients.keycloak.client import KeycloakClient
from kzero_scim.provider.services import Services
from kzero_scim.resource.model import Call
from kzero_scim.settings.provider_config import Config

PRINCIPAL = "11111111-0000-4000-8000-000000000001"
JOB = "scim.5a4d0b0c.6b7c"
JOB_PATH = f"/v1.0/servicePrincipals/{PRINCIPAL}/synchronization/jobs/{JOB}"
RESOURCE_ID = f"{PRINCIPAL}/{JOB}"

Json = dict[str, Any]


class Lines:
    """A log that keeps the messages of a resource."""

    def __init__(self) -> None:
        """Start without messages."""
        self.warnings: list[str] = []
        self.notes: list[str] = []

    async def debug(self, message: str) -> None:
        """Ignore the message."""

    async def status(self, message: str) -> None:
        """Ignore the message."""

    async def info(self, message: str) -> None:
        """Keep the message."""
        self.notes.append(message)

    async def warning(self, message: str) -> None:
        """Keep the message."""
        self.warnings.append(message)


class _SignedIn:
    """A finished sign-in."""

    tenant_id = "5a4d0b0c-0000-4000-8000-00000000e401"

    async def token(self, *, rejected: str | None = None) -> str:
        """Return a token."""
        del rejected
        return "token"

    async def cloud(self) -> Cloud:
        """Return the cloud."""
        return Cloud(name="test", login="https://login.test", graph="https://graph.test")


@dataclass
class ScriptedGraph:
    """A service principal with one job, some users, and the recorded requests."""

    schema: Json = field(default_factory=lambda: default_schema(JOB))
    template_schema: Json | None = None
    schedule: str = "Disabled"
    status: Json = field(default_factory=lambda: {"code": "NotRun"})
    exists: bool = True
    users: dict[str, Json] = field(default_factory=dict)
    groups: dict[str, list[Json]] = field(default_factory=dict)
    """Direct groups by user ID."""
    assigned: list[str] = field(default_factory=list)
    on_demand: list[Json] = field(default_factory=list)
    """Answers of provisionOnDemand. The last one is repeated."""
    refusals: list[Json] = field(default_factory=list)
    """Errors of validateCredentials, one for each test. Later tests pass."""
    unwritable: bool = False
    """Whether a PUT of the schema is accepted but changes nothing."""
    stuck: bool = False
    """Whether start and pause are accepted but change nothing."""
    stale_reads: int = 0
    """Number of reads after a write that still return the old schema."""
    asked: list[tuple[str, str]] = field(default_factory=list)
    bodies: list[Json] = field(default_factory=list)
    _old: list[Json] = field(default_factory=list)

    @property
    def writes(self) -> list[str]:
        """The recorded requests except reads, without the job's path."""
        return [f"{method} {path.removeprefix(JOB_PATH)}" for method, path in self.asked if method != "GET"]

    def services(self, keycloak: object | None = None, sleeps: list[float] | None = None) -> Services:
        """Return the services of a provider that uses this Graph."""

        async def sleep(seconds: float) -> None:
            if sleeps is not None:
                sleeps.append(seconds)

        services = Services(Config(realm="Contoso"))
        services.__dict__["graph"] = GraphClient(
            cast("SignIn", _SignedIn()),
            http=httpx.AsyncClient(transport=httpx.MockTransport(self.answer)),
            policy=replace(RETRIES, delays=(0.5,), chance=lambda: 0.0),
            sleep=sleep,
        )
        if keycloak is not None:
            services.__dict__["keycloak"] = cast("KeycloakClient", keycloak)
        return services

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        path = request.url.path
        self.asked.append((request.method, path))
        body = json.loads(request.content) if request.content else {}
        if request.method != "GET":
            self.bodies.append(body)
        if path.startswith(JOB_PATH):
            return self._of_job(request.method, path.removeprefix(JOB_PATH), body)
        if path.endswith("/templates/scim/schema"):
            return _missing() if self.template_schema is None else httpx.Response(200, json=self.template_schema)
        if path.endswith("/appRoleAssignedTo"):
            return httpx.Response(200, json={"value": [{"principalId": name} for name in self.assigned]})
        if path.endswith("/memberOf"):
            return httpx.Response(200, json={"value": self.groups.get(path.split("/")[3], [])})
        if path.startswith("/v1.0/users/"):
            name = path.removeprefix("/v1.0/users/")
            found = next(
                (user for user in self.users.values() if name in {user["id"], user["userPrincipalName"]}), None
            )
            return _missing() if found is None else httpx.Response(200, json=found)
        return _missing()

    def _of_job(self, method: str, rest: str, body: Json) -> httpx.Response:
        handlers: dict[str, Callable[[Json], httpx.Response]] = {
            "GET ": lambda _: httpx.Response(
                200, json={"id": JOB, "schedule": {"state": self.schedule}, "status": self.status}
            ),
            "GET /schema": lambda _: self._read_schema(),
            "PUT /schema": self._write_schema,
            "POST /schema/parseExpression": _parse,
            "POST /start": lambda _: self._schedule("Active"),
            "POST /restart": lambda _: self._schedule(self.schedule),
            "POST /pause": lambda _: self._schedule("Paused"),
            "POST /validateCredentials": lambda _: self._validate(),
            "POST /provisionOnDemand": lambda _: httpx.Response(
                200, json=self.on_demand.pop(0) if len(self.on_demand) > 1 else self.on_demand[0]
            ),
        }
        handler = handlers.get(f"{method} {rest}")
        return handler(body) if handler is not None and self.exists else _missing()

    def _read_schema(self) -> httpx.Response:
        shown = self.schema
        if self._old and self.stale_reads > 0:
            self.stale_reads -= 1
            shown = self._old[-1]
        return httpx.Response(200, json={"@odata.context": "https://graph.test/v1.0/$metadata", **shown})

    def _write_schema(self, body: Json) -> httpx.Response:
        if not self.unwritable:
            self._old.append(self.schema)
            self.schema = body
        return httpx.Response(204)

    def _schedule(self, state: str) -> httpx.Response:
        if self.stuck:
            return httpx.Response(204)
        self.schedule = state
        if self.status.get("code") == "Quarantine":
            self.status = {"code": state}
        return httpx.Response(204)

    def _validate(self) -> httpx.Response:
        if self.refusals:
            return httpx.Response(400, json={"error": self.refusals.pop(0)})
        return httpx.Response(204)


def _missing() -> httpx.Response:
    return httpx.Response(404, json={"error": {"code": "Request_ResourceNotFound", "message": "Not there."}})


def _parse(body: Json) -> httpx.Response:
    expression = body["expression"]
    if not expression.endswith(")"):
        error = {"code": "SyntaxError", "message": "a parenthesis is missing"}
        return httpx.Response(200, json={"parsingSucceeded": False, "parsedExpression": None, "error": error})
    parsed = {"expression": expression, "name": expression.split("(")[0], "type": "Function", "parameters": []}
    return httpx.Response(200, json={"parsingSucceeded": True, "parsedExpression": parsed, "error": None})


def call(lines: Lines | None = None, *, preview: bool = False) -> Call:
    """Return the request in which a resource's method runs."""
    return Call(urn="urn:pulumi:test", name="test", log=lines or Lines(), preview=preview)


async def no_sleep(seconds: float) -> None:
    """Return without waiting."""
    del seconds
