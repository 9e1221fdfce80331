"""Tests sets of many assignments: Graph's limit for writes, and batches of which some fail."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from kzero_sandbox.organisation import SeedUser

from kzero_scim.clients.graph import client, write_limit
from kzero_scim.clients.graph.client import GraphClient
from kzero_scim.clients.graph.sign_in import SignIn
from kzero_scim.errors import PartialFailureError, ProviderError
from kzero_scim.provider.entra.app_role_assignments.resource import (
    AppRoleAssignments,
    AppRoleAssignmentsInputs,
    AppRoleAssignmentsState,
)
from kzero_scim.provider.services import Services
from tests.contract.local_entra import LocalEntra
from tests.contract.scripted_graph import Lines, call

GONE_FORMS = [
    (404, "Request_ResourceNotFound", "Resource 'x' does not exist."),
    (400, "Request_BadRequest", "EntitlementGrant being updated or deleted is not found"),
    (400, "Request_BadRequest", "entitlementgrant x was Not Found."),
]


class Clock:
    """A clock that only waiting advances."""

    def __init__(self) -> None:
        """Start at 0."""
        self.now = 0.0

    def time(self) -> float:
        """Return the present time."""
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Let the time pass, together with others that wait."""
        until = self.now + seconds
        await asyncio.sleep(0)
        self.now = max(self.now, until)


class Steps(Lines):
    """A log that keeps the current steps too."""

    def __init__(self) -> None:
        """Start without messages."""
        super().__init__()
        self.steps: list[str] = []

    async def status(self, message: str) -> None:
        """Keep the message."""
        self.steps.append(message)


def _many(entra: LocalEntra, count: int) -> list[str]:
    users = [f"user{number:05}@contoso.example" for number in range(count)]
    for user in users:
        entra.emulator.directory.add_user(SeedUser(user_principal_name=user, display_name=user, mail=user))
    return users


def _timed(entra: LocalEntra) -> tuple[AppRoleAssignments, Clock]:
    """Return the resource with the sandbox's and the client's time on one clock."""
    clock = Clock()
    entra.emulator.traffic.writes.clock = clock.time
    graph = GraphClient(SignIn(entra.config()), sleep=clock.sleep, clock=clock.time)
    entra.clients.append(graph)
    services = Services(entra.config())
    services.__dict__["graph"] = graph
    return AppRoleAssignments(services), clock


def _inputs(sp: str, users: list[str], **more: Any) -> AppRoleAssignmentsInputs:  # noqa: ANN401 - any input
    return AppRoleAssignmentsInputs(service_principal_id=sp, users=users, **more)


def _statuses(entra: LocalEntra) -> list[int]:
    return [entry["status"] for entry in entra.emulator.traffic.log if entry["batch"] and entry["method"] != "GET"]


def _assigned(entra: LocalEntra, sp: str) -> int:
    return len(entra.emulator.directory.assigned_to(sp))


async def test_many_assignments_wait_for_the_limit(entra: LocalEntra, monkeypatch: pytest.MonkeyPatch) -> None:
    """All assignments are made in one run, none is refused, and the operator sees how far it is."""
    monkeypatch.setattr(write_limit, "WRITES", 280)
    # Otherwise the clock may jump while requests are on their way.
    monkeypatch.setattr(client, "BATCHES_AT_ONCE", 1)
    sp, users = entra.application(), _many(entra, 1000)
    kind, clock = _timed(entra)
    entra.emulator.traffic.writes.most = 300
    lines, preview = Steps(), Lines()

    await kind.plan(call(preview, preview=True), _inputs(sp, users), None)
    made = await kind.create(call(lines), _inputs(sp, users))

    assert len(made.state.assignments) == _assigned(entra, sp) == 1000
    assert _statuses(entra) == [201] * 1000
    assert clock.now == 450.0
    said = ["1,000 users and groups to be assigned: at least 7.5 minutes, because Graph limits writes"]
    assert preview.notes == lines.notes == said
    assert "assigned 280 of 1,000 users and groups; Graph's limit allows the next in 150 s" in lines.steps
    assert any(step.startswith("assigned 8") and step.endswith(" of 1,000 users and groups") for step in lines.steps)

    await kind.delete(call(), sp, made.state)

    assert _assigned(entra, sp) == 0
    assert 429 not in _statuses(entra)


async def test_a_limit_that_others_have_used_up_is_waited_out(entra: LocalEntra) -> None:
    """Writes that Graph refuses are repeated as often as needed while some succeed."""
    sp, users = entra.application(), _many(entra, 300)
    kind, clock = _timed(entra)
    entra.emulator.traffic.writes.most = 30

    made = await kind.create(call(), _inputs(sp, users))

    assert len(made.state.assignments) == 300
    assert clock.now >= 9 * 150


async def test_a_single_write_waits_for_the_limit_too(entra: LocalEntra) -> None:
    """A write outside a batch waits as long as Graph asks for."""
    sp = entra.application()
    kind, clock = _timed(entra)
    entra.emulator.traffic.writes.most = 1
    graph = entra.clients[-1]

    for name in ("A", "B"):
        await graph.patch(f"/servicePrincipals/{sp}", {"displayName": name})

    assert entra.emulator.directory.service_principals[sp]["displayName"] == "B"
    assert 150 <= clock.now <= 250
    assert kind is not None


@pytest.mark.parametrize(
    ("fault", "which"),
    [
        ({"status": 403, "times": 1}, "refused"),
        ({"status": 500, "times": 6}, "failing"),
        ({"status": 500, "times": 6, "when": "after"}, "lost"),
        ({"resetConnection": True, "times": 6, "status": 503}, "cut off"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_batches_that_succeeded_survive_one_that_failed(
    entra: LocalEntra, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any], which: str
) -> None:
    """The state holds exactly what is assigned, and the next update assigns the rest."""
    monkeypatch.setattr(client, "BATCHES_AT_ONCE", 1)
    sp, users = entra.application(), _many(entra, 30)
    kind = AppRoleAssignments(entra.services())
    wanted = _inputs(sp, users)
    # The names are looked up in one batch. The assignments take two, and the second one fails.
    entra.fail(r"\$batch", skip=2, **fault)

    with pytest.raises(PartialFailureError, match="could not change all assignments") as caught:
        await kind.create(call(), wanted)

    state = caught.value.state
    assert isinstance(state, AppRoleAssignmentsState)
    held = {item.assignment_id for item in state.assignments.values()}
    assert held == {item["id"] for item in entra.emulator.directory.assigned_to(sp)}, which
    assert len(held) == (30 if which == "lost" else 20)
    entra.emulator.traffic.faults.clear()
    after = await kind.update(call(), sp, state, wanted)
    assert len(after.assignments) == _assigned(entra, sp) == 30


async def test_a_batch_without_some_answers_keeps_the_others(
    entra: LocalEntra, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Requests without an answer failed; the others count."""
    sp, users = entra.application(), _many(entra, 3)
    services = entra.services()
    send = services.graph._send  # noqa: SLF001 - the answer on its way

    async def incomplete(method: str, path: str, *rest: Any) -> Any:  # noqa: ANN401 - as in the client
        answer = await send(method, path, *rest)
        if "appRoleAssignedTo" in str(rest[1]):
            document = httpx.Response(200, content=answer.body).json()
            document["responses"].pop()
            content = httpx.Response(200, json=document).content
            return type(answer)(answer.status, answer.headers, content)
        return answer

    monkeypatch.setattr(services.graph, "_send", incomplete)

    with pytest.raises(PartialFailureError, match="1 answers are missing") as caught:
        await AppRoleAssignments(services).create(call(), _inputs(sp, users))

    state = caught.value.state
    assert isinstance(state, AppRoleAssignmentsState)
    assert len(state.assignments) == _assigned(entra, sp) == 3


@pytest.mark.parametrize(("status", "code", "message"), GONE_FORMS)
@pytest.mark.parametrize("carried_out", [True, False], ids=["deleted", "listed"])
async def test_a_missing_grant_counts_as_removed(
    entra: LocalEntra, status: int, code: str, message: str, *, carried_out: bool
) -> None:
    """A grant that Graph calls missing, in any form, is done after one more read."""
    sp = entra.application()
    kind = AppRoleAssignments(entra.services())
    made = await kind.create(call(), _inputs(sp, _many(entra, 3)))
    body = {"error": {"code": code, "message": message}}
    when = "after" if carried_out else "before"
    entra.fail("appRoleAssignedTo/", status, "DELETE", times=1, when=when, body=body)
    entra.emulator.traffic.log.clear()

    await kind.delete(call(), sp, made.state)

    assert _assigned(entra, sp) == 0
    reads = [path for method, path in entra.requests() if method == "GET" and path.endswith("appRoleAssignedTo")]
    assert len(reads) == 1


async def test_an_assignment_that_stays_is_a_failure(entra: LocalEntra) -> None:
    """Another refusal of a removal is an error, and the state still holds what is assigned."""
    sp, users = entra.application(), _many(entra, 3)
    kind = AppRoleAssignments(entra.services())
    made = await kind.create(call(), _inputs(sp, users, unassign_max_users=9))
    entra.fail("appRoleAssignedTo/", 400, "DELETE", times=1, body={"error": {"code": "Bad", "message": "No."}})

    with pytest.raises(PartialFailureError, match="1 failed") as caught:
        await kind.update(call(), sp, made.state, _inputs(sp, users[:1], unassign_max_users=9))

    state = caught.value.state
    assert isinstance(state, AppRoleAssignmentsState)
    assert len(state.assignments) == _assigned(entra, sp) == 2
    entra.fail("appRoleAssignedTo/", 400, "DELETE", body={"error": {"code": "Bad", "message": "No."}})
    with pytest.raises(ProviderError, match="could not remove 1 of 2 assignments"):
        await kind.delete(call(), sp, state)


async def test_a_change_of_the_role_that_failed_is_repeated(entra: LocalEntra) -> None:
    """The state keeps the assignments of the old role until they are removed."""
    sp, users = entra.application(), _many(entra, 2)
    kind = AppRoleAssignments(entra.services())
    made = await kind.create(call(), _inputs(sp, users))
    wanted = _inputs(sp, users, role_name="msiam_access")
    entra.fail("appRoleAssignedTo/", 400, "DELETE", times=1, body={"error": {"code": "Bad", "message": "No."}})

    with pytest.raises(PartialFailureError) as caught:
        await kind.update(call(), sp, made.state, wanted)
    state = caught.value.state
    assert isinstance(state, AppRoleAssignmentsState)
    changes = await kind.diff(call(), sp, state, wanted)
    after = await kind.update(call(), sp, state, wanted)

    assert "roleName" in {change.path for change in changes}
    assert {item["appRoleId"] for item in entra.emulator.directory.assigned_to(sp)} == {after.app_role_id}
    assert len(after.assignments) == _assigned(entra, sp) == 2
