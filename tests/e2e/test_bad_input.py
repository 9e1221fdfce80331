"""`pulumi up` explains every mistake of an operator in one line, and changes neither side."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from kzero_sandbox.running import RunningSandbox, Tenant

from tests.e2e.both_sides import both_sides
from tests.e2e.cli_project import STACK, CliProject, make_project
from tests.e2e.permissions import LEAST_PERMISSIONS, grant

ELSEWHERE = "11111111-2222-4333-8444-555555555555"
USER_NAME = {"target": "userName", "source": "userPrincipalName", "matchingPriority": 1}
CONSOLE = {"activation": "console", "activationPreset": None}


@dataclass(frozen=True)
class Mistake:
    """A mistake of an operator, and the expected error.

    Attributes:
        says: Parts of one line of the output: object or key, value, remedy. Placeholders such as `{realm}` are
          replaced.
        settings: Changes to the stack's settings. A callable gets the tenant and returns the value.
        env: Changes to the environment.
        arrange: Prepares the tenant.
        undo: Undoes that in KZero. Entra is reset before each test.
        allows_server: Whether the environment allows credentials to reach `kzeroServerUrl`.
    """

    says: tuple[str, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    arrange: Callable[[Tenant], None] = lambda _: None
    undo: Callable[[Tenant], None] = lambda _: None
    allows_server: bool = False


def closed_port() -> int:
    """Return a port of this machine on which nothing listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def switch_client(*, on: bool) -> Callable[[Tenant], None]:
    """Return a function that enables or disables the client with which the automation signs in to KZero."""

    def switch(tenant: Tenant) -> None:
        found = tenant.keycloak_admin.get("/clients", params={"clientId": tenant.credentials.client_id})
        [client] = found.raise_for_status().json()
        tenant.keycloak_admin.put(f"/clients/{client['id']}", json=client | {"enabled": on}).raise_for_status()

    return switch


def without(permission: str) -> Callable[[Tenant], None]:
    """Return a function that removes one application permission."""
    return lambda tenant: grant(tenant, *(name for name in LEAST_PERMISSIONS if name != permission))


MISTAKES = {
    "the tenant's name in the wrong case": Mistake(
        ('realm "{lower_realm}" does not exist at {server}', 'did you mean "{realm}"? Names are case-sensitive'),
        {"kzeroTenant": lambda tenant: tenant.realm.lower()},
    ),
    "an unknown tenant": Mistake(
        (
            'realm "Nowhere" does not exist at {server}',
            "copy the tenant's name exactly as the KZero dashboard shows it",
        ),
        {"kzeroTenant": "Nowhere"},
    ),
    "an Entra tenant ID that is not a GUID": Mistake(
        ("azuread:tenantId: 'contoso' is not valid", "copy the Tenant ID (a GUID) from the Overview page"),
        {"azuread:tenantId": "contoso"},
    ),
    "the ID of an Entra tenant that does not exist": Mistake(
        (f"cannot sign in to Entra tenant {ELSEWHERE}", "does not know the tenant", "correct azuread:tenantId"),
        {"azuread:tenantId": ELSEWHERE},
    ),
    "a server that is not Keycloak": Mistake(
        ('looking up realm "{realm}" failed', "{entra} answered 401", "check", "kzeroServerUrl"),
        {"kzeroServerUrl": lambda tenant: f"https://{tenant.env['ARM_METADATA_HOSTNAME']}"},
    ),
    "a whole Tenant URL as the server": Mistake(
        ("kzeroServerUrl: '{tenant_url}' is not valid", "give only the origin, such as https://ca.auth.kzero.com"),
        {"kzeroServerUrl": lambda tenant: tenant.scim_url},
    ),
    "a wrong KZero secret": Mistake(
        (
            'KZero refused to sign in client "kzero-scim" to realm "{realm}"',
            "its secret is wrong. Copy the secret",
            "KZERO_CLIENT_SECRET",
        ),
        env={"KZERO_CLIENT_SECRET": "not-the-secret-of-the-client"},
    ),
    "a KZero client that was disabled": Mistake(
        ('KZero refused to sign in client "kzero-scim" to realm "{realm}"', "is disabled"),
        arrange=switch_client(on=False),
        undo=switch_client(on=True),
    ),
    "no KZero credentials": Mistake(
        ("no account for KZero is configured; set", "kzeroClientId", "KZERO_CLIENT_SECRET"),
        env={"KZERO_CLIENT_ID": "", "KZERO_CLIENT_SECRET": ""},
    ),
    "a wrong Entra secret": Mistake(
        ("cannot sign in", "tenant {entra_tenant}", "AADSTS7000215", "Invalid client secret provided"),
        env={"ARM_CLIENT_SECRET": "not-the-secret-of-the-application"},
    ),
    "no Entra credentials": Mistake(
        ("no credentials for Entra: set ARM_TENANT_ID, ARM_CLIENT_ID and one of ARM_CLIENT_SECRET",),
        env={"ARM_CLIENT_SECRET": ""},
    ),
    "a missing permission to create the application": Mistake(
        (
            "lacks the Microsoft Graph application permission Application.ReadWrite.OwnedBy (to create the",
            "grant it with admin consent",
        ),
        arrange=without("Application.ReadWrite.OwnedBy"),
    ),
    "a missing permission to assign": Mistake(
        ("application permission AppRoleAssignment.ReadWrite.All (to assign users and groups)", "grant it"),
        arrange=without("AppRoleAssignment.ReadWrite.All"),
    ),
    "a missing permission to read assignments": Mistake(
        ("application permission Application.Read.All (to read who is assigned)", "grant it"),
        arrange=without("Application.Read.All"),
    ),
    "a missing permission to find users": Mistake(
        ("cannot look up users", "grant the application permission User.Read.All with admin consent"),
        arrange=without("User.Read.All"),
    ),
    "a missing permission to find groups": Mistake(
        ("cannot look up groups", "grant the application permission Group.Read.All", "with admin consent"),
        arrange=without("Group.Read.All"),
    ),
    "a missing permission while a fallback administrator is required": Mistake(
        (
            "lockoutGuard: could not check Global Administrators",
            "grant the application permission RoleManagement.Read.Directory",
        ),
        {"lockoutGuard": "require"},
        arrange=without("RoleManagement.Read.Directory"),
    ),
    "several users who do not exist": Mistake(
        ('user "nobody@contoso.example" does not exist', 'user "alxe@contoso.example" does not exist', "an object ID"),
        {"users": ["nobody@contoso.example", "alex@contoso.example", "alxe@contoso.example"]},
    ),
    "a group name that is not unique": Mistake(
        ('group "Duplicates" is ambiguous: 2 groups have this display name; use an object ID: ',),
        {"groups": ["Duplicates"]},
    ),
    "a source attribute that Entra does not have": Mistake(
        ("nothing was changed", "title", "Entra's user has no attribute 'jobTitel' (similar: jobTitle)"),
        {"attributeMappings": [USER_NAME, {"target": "title", "source": "jobTitel"}]},
    ),
    "two rows for one target": Mistake(
        ("attributeMappings: 'userName' is listed twice; remove one",),
        {"attributeMappings": [USER_NAME, {"target": "userName", "source": "mail"}]},
    ),
    "a malformed URN": Mistake(
        ("customAttributes[0]: 'urn:wrong:tag' is not a custom attribute name", "write urn:ietf:params:scim:schemas:"),
        {"customAttributes": [{"name": "urn:wrong:tag"}]},
    ),
    "a setting that does not exist": Mistake(
        ("testuser: unknown key; did you mean 'testUser'?",), {"testuser": "alex@contoso.example"}
    ),
    "a KZero that cannot be reached": Mistake(
        ('looking up realm "{realm}" failed: https://localhost:', "cannot be reached", "kzeroServerUrl", "proxy"),
        {"kzeroServerUrl": lambda _: f"https://localhost:{closed_port()}"},
        allows_server=True,
    ),
    "an endpoint that is not enabled": Mistake(
        (
            "{tenant_url}, answers 404: it is not enabled, or the tenant's name has the wrong case",
            'select tenant "{realm}", open Integrations > SCIM > SCIM Endpoint',
            "set Profile to Azure, Azure Tenant ID to {entra_tenant}, Enable to ON, and click Update",
        ),
        CONSOLE,
    ),
    "a test user who is not assigned": Mistake(
        ("test user 'admin@contoso.example' is not assigned", "Assign the user, or choose one that is"),
        {"testUser": "admin@contoso.example"},
    ),
    "a test user who does not exist": Mistake(
        ("test user 'alxe@contoso.example' does not exist in Entra", "use the user principal name"),
        {"testUser": "alxe@contoso.example"},
    ),
}


@pytest.fixture(scope="module")
def same_tenant(sandbox: RunningSandbox) -> Iterator[Tenant]:
    """One tenant for all tests that change nothing."""
    with sandbox.tenant() as made:
        yield made


@pytest.fixture(scope="module")
def prepared(same_tenant: Tenant, tmp_path_factory: pytest.TempPathFactory, pulumi_home: Path) -> CliProject:
    """The project with a stack of that tenant."""
    return make_project(tmp_path_factory.mktemp("bad-input") / "project", same_tenant, pulumi_home)


@pytest.fixture
def same_project(same_tenant: Tenant, prepared: CliProject, tmp_path: Path) -> Iterator[CliProject]:
    """The project as it was prepared, and Entra in its initial state."""
    same_tenant.entra.post("/sandbox/reset").raise_for_status()
    for name in ("stacks", "state"):
        shutil.copytree(prepared.folder / name, tmp_path / name)
    yield replace(prepared, env=dict(prepared.env), outcomes=[])
    for name in ("stacks", "state"):
        shutil.rmtree(prepared.folder / name)
        shutil.copytree(tmp_path / name, prepared.folder / name)


@pytest.fixture
def mistake(request: pytest.FixtureRequest, same_tenant: Tenant, same_project: CliProject) -> Iterator[Mistake]:
    """The mistake of a test's parameter, for which the tenant is prepared."""
    del same_project  # resets Entra first
    chosen: Mistake = request.param
    chosen.arrange(same_tenant)
    yield chosen
    chosen.undo(same_tenant)


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES, indirect=True)
def test_mistake_is_explained_and_nothing_is_changed(
    mistake: Mistake, same_tenant: Tenant, same_project: CliProject
) -> None:
    """`pulumi up` prints one line with object or key, value and remedy, and both sides stay as they were."""
    tenant, project = same_tenant, same_project
    given = {key: value(tenant) if callable(value) else value for key, value in mistake.settings.items()}
    project.settings(given)
    if mistake.allows_server:
        project.env["KZERO_SCIM_ALLOWED_HOSTS"] += f" {given['kzeroServerUrl']}"
    before = both_sides(tenant)

    outcome = project.pulumi("up", "--yes", env=mistake.env).failed()

    first, *others = (words.format_map(_facts(tenant)) for words in mistake.says)
    line = outcome.line_with(first)
    assert [words for words in others if words not in line] == [], line
    assert both_sides(tenant) == before
    assert [secret for secret in mistake.env.values() if secret and secret in outcome.text] == []


def test_no_configuration_at_all(same_tenant: Tenant, same_project: CliProject) -> None:
    """All missing settings are reported together, without an error of Pulumi's own."""
    tenant, project = same_tenant, same_project
    file = project.folder / "stacks" / f"Pulumi.{STACK}.yaml"
    file.write_text(yaml.safe_dump({"encryptionsalt": yaml.safe_load(file.read_text())["encryptionsalt"]}))
    before = both_sides(tenant)

    outcome = project.pulumi("up", "--yes").failed()

    outcome.line_with("error: the stack's settings have 2 problems; nothing was changed:")
    outcome.line_with("azuread:tenantId: not set; copy the Tenant ID (a GUID) from the Overview page")
    outcome.line_with("kzeroTenant: not set; copy the tenant's name exactly as the KZero dashboard shows it")
    assert "an unhandled error occurred" not in outcome.text
    assert both_sides(tenant) == before


def test_a_secret_in_clear_text_is_rejected_and_not_printed(same_project: CliProject) -> None:
    """The error names the key and the command that encrypts it, but not the secret."""
    same_project.settings({"secretToken": "a-token-in-clear-text"})

    outcome = same_project.preview().failed()

    line = outcome.line_with("secretToken: in clear text in the stack file")
    assert "pulumi config set --secret kzero-scim:secretToken" in line
    assert "a-token-in-clear-text" not in outcome.text


def test_a_failed_connection_test_stops_before_provisioning_starts(tenant: Tenant, project: CliProject) -> None:
    """If KZero expects another Entra tenant, the error explains Entra's message, and the job stays disabled."""
    enabled = {"kzero__scim__enabled": "true", "kzero__scim__profile": "Azure"}
    tenant.set_realm_attributes(**enabled, kzero__scim__azureTenantId=ELSEWHERE)
    project.settings(CONSOLE)

    outcome = project.up().failed()

    line = outcome.line_with("connection test of job")
    assert "CredentialValidationUnavailable" in line
    assert "Unauthorized (401)" in line
    assert "In KZero's Integrations > SCIM, check that the profile is Azure" in line
    [job] = tenant.entra.get("/sandbox/jobs").json()
    assert (job["schedule"]["state"], job["status"]["code"]) == ("Disabled", "NotRun")
    assert tenant.user("alex@contoso.example") is None

    tenant.set_realm_attributes(**enabled, kzero__scim__azureTenantId=tenant.env["ARM_TENANT_ID"])
    project.up().succeeded()

    assert all(item["passed"] for item in project.outputs()["checklist"])


def test_a_command_about_a_stack_that_does_not_exist(same_project: CliProject) -> None:
    """`kzero-scim check` and `doctor` report it in one line, each with its own exit code."""
    check = same_project.kzero_scim("check", "nowhere").failed()
    doctor = same_project.kzero_scim("doctor", "nowhere").failed()

    assert (check.code, doctor.code) == (1, 2)
    assert check.stderr.count("\n") == 1
    check.line_with('no tenant is named "nowhere"')
    doctor.line_with('no tenant is named "nowhere"')
    blank = same_project.kzero_scim("recover", "").failed()
    blank.line_with("the tenant's name is blank")


def _facts(tenant: Tenant) -> dict[str, str]:
    return {
        "realm": tenant.realm,
        "lower_realm": tenant.realm.lower(),
        "server": tenant.env["KZERO_SERVER_URL"],
        "tenant_url": tenant.scim_url,
        "entra": f"https://{tenant.env['ARM_METADATA_HOSTNAME']}",
        "entra_tenant": tenant.env["ARM_TENANT_ID"],
    }
