"""What `doctor` says about accounts whose rights or sign-in it did not observe."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from typer.testing import CliRunner

from kzero_scim.clients.keycloak.client import KeycloakClient
from kzero_scim.clients.keycloak.session import Credentials
from kzero_scim.clients.retries import ONCE
from kzero_scim.commands import doctor as command
from kzero_scim.commands.main import app
from kzero_scim.errors import GraphError, KzeroScimError
from kzero_scim.tenant import doctor
from tests.contract.scripted_graph import ScriptedGraph
from tests.contract.tenant.test_unobserved import stack_of


def token_of(claims: dict[str, Any]) -> httpx.Response:
    """Issue a token with these claims."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return httpx.Response(200, json={"access_token": f"h.{payload}.s", "expires_in": 300})


def keycloak(claims: dict[str, Any]) -> KeycloakClient:
    """Return a client of a Keycloak that issues tokens with these claims."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/token"):
            return token_of(claims)
        return httpx.Response(200, json={"realm": "Contoso"})

    credentials = Credentials(client_id="kzero-scim", client_secret="secret-4711")
    return KeycloakClient("https://kzero.test", credentials, transport=httpx.MockTransport(answer), policy=ONCE)


class Permissions:
    """A Graph that shows permissions, or fails to sign in."""

    def __init__(self, granted: frozenset[str] | KzeroScimError | None) -> None:
        """Use this answer."""
        self.granted = granted

    async def granted_permissions(self) -> frozenset[str] | None:
        """Return the permissions."""
        if isinstance(self.granted, KzeroScimError):
            raise self.granted
        return self.granted


ALL_ROLES = {"resource_access": {"realm-management": {"roles": ["realm-admin"]}}}
ALL_PERMISSIONS = frozenset(
    {"Application.ReadWrite.All", "AppRoleAssignment.ReadWrite.All", "User.Read.All", "Directory.Read.All"}
)


def examined(
    monkeypatch: pytest.MonkeyPatch, claims: dict[str, Any], granted: frozenset[str] | KzeroScimError | None
) -> tuple[int, str]:
    """Return the exit code and the output for a tenant."""

    @asynccontextmanager
    async def services(*_: object, **__: object) -> AsyncIterator[object]:
        made = ScriptedGraph().services(keycloak(claims))
        made.__dict__["graph"] = Permissions(granted)
        yield made

    def nothing(*_: object) -> list[doctor.Finding]:
        return []

    monkeypatch.setattr(doctor, "tenant_services", services)
    monkeypatch.setattr(command, "examine_machine", nothing)
    monkeypatch.setattr(command, "examine_locks", nothing)
    monkeypatch.setattr(command, "require_known", nothing)

    def loaded(name: str, project: Path) -> object:
        del name, project
        return stack_of()

    monkeypatch.setattr("kzero_scim.commands.doctor.Stack.load", loaded)
    done = CliRunner().invoke(app, ["doctor", "contoso"], env={"COLUMNS": "300"})
    return done.exit_code, done.output


def test_observed_rights_are_ok(monkeypatch: pytest.MonkeyPatch) -> None:
    """With all rights in both tokens, nothing is missing or unknown."""
    code, output = examined(monkeypatch, ALL_ROLES, ALL_PERMISSIONS)

    assert code == 0
    assert not any(line.startswith(("unknown", "missing")) for line in output.splitlines())


@pytest.mark.parametrize("claims", [{}, {"resource_access": "odd"}, {"scope": "openid"}])
def test_a_token_without_roles_says_nothing_about_rights(
    monkeypatch: pytest.MonkeyPatch, claims: dict[str, Any]
) -> None:
    """With a lightweight token the sign-in is ok and the roles are unknown, not missing."""
    code, output = examined(monkeypatch, claims, ALL_PERMISSIONS)

    assert code == 2
    assert "unknown" in output
    assert "does not name its roles" in output
    assert not any(line.startswith("missing") for line in output.splitlines())
    assert "Service account roles" not in output
    assert any(line.startswith("ok") and "KZero sign-in" in line for line in output.splitlines())


def test_a_role_that_the_token_does_not_name_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token with other roles shows that the required ones are missing."""
    code, output = examined(
        monkeypatch, {"resource_access": {"realm-management": {"roles": ["view-users"]}}}, ALL_PERMISSIONS
    )

    assert code == 2
    assert any(line.startswith("missing") and "manage-clients" in line for line in output.splitlines())


def test_permissions_that_depend_on_directory_roles_are_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """Permissions that the token does not show are unknown."""
    code, output = examined(monkeypatch, ALL_ROLES, None)

    assert code == 2
    assert any(line.startswith("unknown") and "Graph permissions" in line for line in output.splitlines())


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (GraphError("no answer"), "unknown"),
        (GraphError("busy", status=503), "unknown"),
        (GraphError("wrong secret", status=401), "missing"),
    ],
)
def test_a_login_that_does_not_answer_is_unknown(
    monkeypatch: pytest.MonkeyPatch, error: GraphError, state: str
) -> None:
    """Only a refused sign-in is missing; without an answer it is unknown."""
    code, output = examined(monkeypatch, ALL_ROLES, error)

    assert code == 2
    assert any(line.startswith(state) and "Entra sign-in" in line for line in output.splitlines())
