"""What `check`, `drift` and `status` say about what they did not observe: unknown, with a reason, and never success."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from kzero_scim.commands import check as check_command
from kzero_scim.commands import drift as drift_command
from kzero_scim.commands import status as status_command
from kzero_scim.commands.main import app
from kzero_scim.errors import KeycloakError, NothingAppliedError
from kzero_scim.guide.checklist import Item
from kzero_scim.stack.stack import Stack
from kzero_scim.tenant import check, drift, status
from tests.contract.scripted_graph import JOB, JOB_PATH, PRINCIPAL, RESOURCE_ID, Json, ScriptedGraph

ALEX = {"id": "22222222-0000-4000-8000-000000000001", "userPrincipalName": "alex@contoso.example"}
SETTINGS = {
    "kzero-scim:kzeroServerUrl": "https://kzero.test",
    "kzero-scim:kzeroTenant": "Contoso",
    "azuread:tenantId": "5a4d0b0c-0000-4000-8000-00000000e401",
    "kzero-scim:users": '["alex@contoso.example"]',
    "kzero-scim:testUser": "alex@contoso.example",
}
COMPUTED = {"userName": {"expression": "ToLower([mail])", "matchingPriority": 1}}
ON_DEMAND = {
    "servicePrincipalId": PRINCIPAL,
    "jobId": JOB,
    "user": "alex@contoso.example",
    "verify": "attributes",
    "rows": COMPUTED,
    "mappers": {},
    "triggers": {},
}


def resource(kind: str, id_: str, inputs: Json, outputs: Json | None = None) -> Json:
    """Return a resource as a state contains it."""
    return {
        "type": kind,
        "urn": f"urn:pulumi:contoso::kzero-scim::{kind}::tenant",
        "id": id_,
        "inputs": inputs,
        "outputs": inputs | (outputs or {}),
    }


STATUS = resource(
    "kzero:entra:ProvisioningStatus",
    RESOURCE_ID,
    {"servicePrincipalId": PRINCIPAL, "jobId": JOB, "enabled": True, "triggers": {}},
    {"scheduleState": "Active", "statusCode": "Active"},
)
ASSIGNMENTS = resource(
    "kzero:entra:AppRoleAssignments", PRINCIPAL, {"servicePrincipalId": PRINCIPAL, "users": ["alex@contoso.example"]}
)
MAPPERS = resource("kzero:keycloak:MapperSet", "Contoso/scim-endpoint", {"realm": "Contoso", "mappers": {}})
TEST_USER = resource(
    "kzero:entra:OnDemandProvisioning",
    f"{RESOURCE_ID}/{ALEX['id']}",
    ON_DEMAND,
    {"result": "success", "steps": [], "comparisons": [], "provisionedAt": "2026-11-24T12:00:00Z"},
)
ROOT = resource("pulumi:pulumi:Stack", "", {})


def stack_of(*resources: Json) -> Stack:
    """Return a stack with these resources in its state."""
    configured = {key: {"value": value} for key, value in SETTINGS.items()}
    return Stack.of("contoso", configured, {"deployment": {"resources": list(resources)} if resources else None})


class Strangers:
    """A Keycloak that answers every question for a user with a stranger."""

    def __init__(self) -> None:
        """Start without questions."""
        self.asked: list[str] = []

    async def find_user(self, realm: str, username: str) -> Json:
        """Return a user who was not asked for."""
        del realm
        self.asked.append(username)
        return {"id": "k0", "username": "admin", "enabled": True}

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - every other operation
        """Refuse every other operation."""
        raise KeycloakError(f"{name} failed: https://kzero.test cannot be reached")  # noqa: EM102, TRY003 - a test


class Deaf(ScriptedGraph):
    """A Graph that cannot be reached."""

    def answer(self, request: httpx.Request) -> httpx.Response:
        """Refuse the connection."""
        message = "connection refused"
        raise httpx.ConnectError(message, request=request)


def connect(monkeypatch: pytest.MonkeyPatch, graph: ScriptedGraph, keycloak: object) -> None:
    """Let the commands ask these services."""

    @asynccontextmanager
    async def services(*_: object, **__: object) -> AsyncIterator[object]:
        yield graph.services(keycloak, [])

    for module in (check, drift, status):
        monkeypatch.setattr(module, "tenant_services", services)


def load(monkeypatch: pytest.MonkeyPatch, stack: Stack) -> None:
    """Let the commands load this stack."""

    def loaded(name: str, project: Path) -> Stack:
        del name, project
        return stack

    for module in (check_command, drift_command, status_command):
        monkeypatch.setattr(module.Stack, "load", loaded)


async def seventh(monkeypatch: pytest.MonkeyPatch, keycloak: object) -> Item:
    """Return the point about the test user."""
    connect(monkeypatch, ScriptedGraph(users={"alex": ALEX}), keycloak)
    return (await check.check(stack_of(ROOT, TEST_USER)))[6]


async def test_a_stranger_is_not_the_test_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """If only Entra knows the user's name, KZero is not asked, and the point is unknown."""
    keycloak = Strangers()
    item = await seventh(monkeypatch, keycloak)

    assert (item.passed, item.is_unknown) == (False, True)
    assert keycloak.asked == []


@pytest.mark.parametrize("resources", [(), (ROOT,)])
async def test_a_stack_without_resources_has_no_known_drift(
    monkeypatch: pytest.MonkeyPatch, resources: tuple[Json, ...]
) -> None:
    """A stack that was never applied, or was destroyed, is not set up, before any service is asked."""
    connect(monkeypatch, Deaf(), Strangers())
    with pytest.raises(NothingAppliedError, match="tenant contoso is not set up, so drift is unknown"):
        await drift.find_drift(stack_of(*resources))


@pytest.mark.parametrize("resources", [(), (ROOT,), (ROOT, STATUS, ASSIGNMENTS, MAPPERS, TEST_USER)])
@pytest.mark.parametrize("command", ["drift", "status", "check"])
@pytest.mark.parametrize("as_json", [False, True])
def test_nothing_observed_is_no_success(
    monkeypatch: pytest.MonkeyPatch, *, resources: tuple[Json, ...], command: str, as_json: bool
) -> None:
    """With both services down, or without a set-up, no command exits with 0 or says that all is well."""
    load(monkeypatch, stack_of(*resources))
    connect(monkeypatch, Deaf(), Strangers())

    done = CliRunner().invoke(app, [command, "contoso", *(["--json"] if as_json else [])], env={"COLUMNS": "300"})

    assert done.exit_code in ({2} if command == "check" else {1})
    assert done.exit_code or isinstance(done.exception, NothingAppliedError)
    for words in ("nothing differs", "none found", "healthy", "7 of 7", '"passed": true'):
        assert words not in done.output


def test_unreachable_services_are_unknown_in_every_format(monkeypatch: pytest.MonkeyPatch) -> None:
    """The verdict is unknown, and each reason is given once."""
    load(monkeypatch, stack_of(ROOT, STATUS, ASSIGNMENTS, MAPPERS))
    connect(monkeypatch, Deaf(), Strangers())

    plain = CliRunner().invoke(app, ["drift", "contoso"], env={"COLUMNS": "300"})
    document = json.loads(CliRunner().invoke(app, ["drift", "contoso", "--json"]).stdout)
    points = json.loads(CliRunner().invoke(app, ["check", "contoso", "--json"]).stdout)["checklist"]

    assert "Drift of contoso: unknown" in plain.stdout
    assert "cannot be reached" in plain.stderr
    assert document["differences"] == []
    assert any("kzero.test" in line for line in document["unasked"])
    assert len(document["unasked"]) > 1
    assert points[3]["evidence"].startswith("unknown: ")
    assert points[4]["evidence"].startswith("unknown: ")
    assert not any(point["passed"] for point in points)


def test_differences_beside_an_unreachable_service_are_shown_as_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """If one service cannot be asked, the other's differences are reported, and the rest is unknown."""
    load(monkeypatch, stack_of(ROOT, STATUS, MAPPERS))
    connect(monkeypatch, ScriptedGraph(schedule="Paused"), Strangers())

    done = CliRunner().invoke(app, ["drift", "contoso"], env={"COLUMNS": "300"})

    assert done.exit_code == 1
    assert "Drift of contoso: 1 difference, the rest is unknown" in done.stdout
    assert "enabled  true -> false" in done.stdout


def test_another_object_in_an_answer_is_not_the_application(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer about another service principal does not pass the third point."""

    class Other(ScriptedGraph):
        def answer(self, request: httpx.Request) -> httpx.Response:
            if request.url.path == JOB_PATH.partition("/synchronization")[0]:
                return httpx.Response(200, json={"value": [{"id": "other", "displayName": "HR"}]})
            return super().answer(request)

    load(monkeypatch, stack_of(ROOT, ASSIGNMENTS))
    connect(monkeypatch, Other(), Strangers())

    points = json.loads(CliRunner().invoke(app, ["check", "contoso", "--json"]).stdout)["checklist"]

    assert (points[2]["passed"], points[2]["evidence"].partition(":")[0]) == (False, "unknown")


def test_a_replaced_resource_that_waits_for_its_deletion_is_not_the_present_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An interrupted replacement leaves the old resource in the state, before the new one."""
    old = resource("kzero:entra:ProvisioningStatus", f"{PRINCIPAL}/scim.old", STATUS["inputs"]) | {"delete": True}
    stack = stack_of(ROOT, old, STATUS)
    found = stack.find("kzero:entra:ProvisioningStatus")
    assert found is not None
    assert found.id == RESOURCE_ID

    load(monkeypatch, stack)
    connect(monkeypatch, ScriptedGraph(schedule="Active"), Strangers())
    done = CliRunner().invoke(app, ["drift", "contoso"], env={"COLUMNS": "300"})
    assert (done.exit_code, "nothing differs" in done.stdout) == (0, True)


def test_every_resource_of_a_kind_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program of one's own may have several resources of a kind; drift of the second is found too."""
    gone = resource("kzero:entra:ProvisioningStatus", f"{PRINCIPAL}/scim.gone", STATUS["inputs"])
    load(monkeypatch, stack_of(ROOT, STATUS, gone))
    connect(monkeypatch, ScriptedGraph(schedule="Active"), Strangers())

    done = CliRunner().invoke(app, ["drift", "contoso"], env={"COLUMNS": "300"})

    assert done.exit_code in {1, 3}
    assert "nothing differs" not in done.stdout
