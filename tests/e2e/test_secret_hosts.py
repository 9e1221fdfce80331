"""A pull request changes a stack file: no secret of the environment reaches the host that it names, by any command."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kzero_sandbox.running import RunningSandbox

from hostile.server import HostileServer, hostile_servers
from tests.e2e.cli_project import CliProject, Outcome, make_project

SECRET = "s3cret-of-the-environment"  # pragma: allowlist secret
PREVIEW = ("pulumi", "preview")
CHECK = ("kzero-scim", "check", "test")
FLEET_PREVIEW = ("kzero-scim", "fleet", "preview")
FLEET_DRIFT = ("kzero-scim", "fleet", "drift")
COMMANDS = (
    PREVIEW,
    ("pulumi", "up", "--yes", "--skip-preview"),
    CHECK,
    ("kzero-scim", "status", "test"),
    ("kzero-scim", "drift", "test"),
    ("kzero-scim", "doctor", "test"),
    ("kzero-scim", "adopt", "other", "--dry-run"),
    FLEET_PREVIEW,
    ("kzero-scim", "fleet", "up", "--yes"),
    FLEET_DRIFT,
    ("kzero-scim", "fleet", "status", "--checklist"),
)
A_FEW = (PREVIEW, CHECK, FLEET_PREVIEW, FLEET_DRIFT)


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileServer]:
    with hostile_servers(tmp_path_factory.mktemp("hostile")) as servers:
        yield servers[0]


@pytest.fixture(scope="module")
def applied(
    serving: HostileServer, sandbox: RunningSandbox, pulumi_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CliProject]:
    """A project with an applied tenant, whose commands trust the hostile server's certificate."""
    with sandbox.tenant() as tenant:
        made = make_project(tmp_path_factory.mktemp("secret-hosts") / "project", tenant, pulumi_home)
        bundle = made.folder / "trusted.pem"
        bundle.write_bytes(Path(made.env["SSL_CERT_FILE"]).read_bytes() + b"\n" + serving.ca_file.read_bytes())
        made.env |= {"SSL_CERT_FILE": str(bundle), "REQUESTS_CA_BUNDLE": str(bundle)}
        made.up().succeeded()
        yield made


@pytest.fixture
def project(applied: CliProject) -> Iterator[CliProject]:
    """The project with the stack file of the applied tenant, which is restored afterwards."""
    file = stack_file(applied, "test")
    before = file.read_text()
    if "destroy" in applied.outcomes[-1].command:
        applied.up().succeeded()
    yield applied
    file.write_text(before)


@pytest.fixture
def hostile(serving: HostileServer) -> HostileServer:
    """A server that received nothing yet."""
    serving.begin_anew()
    return serving


def stack_file(project: CliProject, stack: str) -> Path:
    """Return the stack file of a stack."""
    return project.folder / "stacks" / f"Pulumi.{stack}.yaml"


def run(project: CliProject, command: tuple[str, ...], env: dict[str, str]) -> Outcome:
    """Run a command."""
    tool, *words = command
    return project.pulumi(*words, env=env) if tool == "pulumi" else project.kzero_scim(*words, env=env)


def refused(project: CliProject, command: tuple[str, ...], env: dict[str, str]) -> str:
    """Run a command, which must fail, and return what it printed, without a table's borders and line breaks."""
    done = run(project, command, env)
    assert done.code != 0, f"{command}: {done.text}"
    assert "Traceback" not in done.text
    return " ".join(done.text.replace("│", " ").split())


@dataclass(frozen=True)
class Change:
    """What a pull request changes, and what must refuse it.

    Attributes:
        settings: The stack file's changes. Each one alone is refused.
        env: What the environment holds.
        commands: The commands to try.
        refused: The settings that the error names.
        asks: A command that asks the host once it is allowed, if that is tried.
    """

    settings: dict[str, Any]
    env: dict[str, str]
    commands: tuple[tuple[str, ...], ...]
    refused: tuple[str, ...]
    asks: tuple[str, ...] | None = None


def changes_to(host: HostileServer) -> Iterator[Change]:
    """Yield the changes that name a host: all addresses at once for every command, and each one for a few."""
    job = {"ACTIONS_ID_TOKEN_REQUEST_TOKEN": SECRET, "ARM_USE_OIDC": "true"}
    addresses = {
        "azuread:metadataHost": host.url.removeprefix("https://"),
        "kzeroServerUrl": host.url,
        "azuread:oidcRequestUrl": f"{host.url}/id",
    }
    yield Change(addresses, job, COMMANDS, tuple(addresses))
    without_secret = {"azuread:oidcRequestUrl": job | {"ARM_CLIENT_SECRET": ""}}
    for setting, address in addresses.items():
        asks = CHECK if setting == "kzeroServerUrl" else PREVIEW
        yield Change({setting: address}, without_secret.get(setting, {}), (PREVIEW, CHECK), (setting,), asks)
    generic = {"profile": "Generic", "remoteTokenEndpoint": f"{host.url}/token"}
    foreign = {"tenantUrl": f"{host.url}/realms/x/scim/v2", "allowForeignTenantUrl": True}
    token = {"KZERO_REMOTE_TOKEN_CLIENT_ID": "scim", "KZERO_REMOTE_TOKEN_CLIENT_SECRET": SECRET}
    yield Change(generic, token, (PREVIEW, FLEET_PREVIEW), ("remoteTokenEndpoint",), PREVIEW)
    yield Change(foreign, {}, (PREVIEW, FLEET_PREVIEW), ("tenantUrl",))


def test_nothing_arrives_at_a_host_that_only_the_stack_file_names(project: CliProject, hostile: HostileServer) -> None:
    """Every command refuses with the setting, the host and how to allow it; with that, the host is asked."""
    before = stack_file(project, "test").read_bytes()
    other = stack_file(project, "other")
    for change in changes_to(hostile):
        project.settings(change.settings)
        for command in change.commands:
            if "adopt" in command:
                other.write_bytes(stack_file(project, "test").read_bytes())
            said = refused(project, command, change.env)
            other.unlink(missing_ok=True)
            assert hostile.received == [], f"{change.refused}, {command}: {said}"
            for setting in change.refused:
                assert f"{setting}: {hostile.url} would receive" in said, f"{command}: {said}"
            assert f'{hostile.url}"` or list it under allowedHosts in fleet.yaml' in said
            assert SECRET not in said
        if change.asks:
            allowed = f"{project.env['KZERO_SCIM_ALLOWED_HOSTS']} {hostile.url}"
            run(project, change.asks, change.env | {"KZERO_SCIM_ALLOWED_HOSTS": allowed})
            assert hostile.received, change.refused
        hostile.begin_anew()
        stack_file(project, "test").write_bytes(before)


def test_a_provider_in_the_state_is_refused_where_its_host_is_not_allowed_any_more(
    project: CliProject, hostile: HostileServer
) -> None:
    """A state of an older run: kzero's provider asks nothing, whatever the stack file says now."""
    assert hostile.received == []
    env = {"KZERO_SCIM_ALLOWED_HOSTS": "", "KZERO_SERVER_URL": ""}

    said = project.pulumi("refresh", "--yes", "--skip-preview", env=env).failed().text

    assert f"kzeroServerUrl: {project.env['KZERO_SERVER_URL']} would receive KZERO_CLIENT_SECRET" in said


def test_a_metadata_document_does_not_send_the_secret_elsewhere(project: CliProject, hostile: HostileServer) -> None:
    """The operator allows the metadata host, which then names another login."""
    port = hostile.url.rpartition(":")[2]
    elsewhere = f"https://127.0.0.1:{port}"
    hostile.body = json.dumps(
        {"authentication": {"loginEndpoint": elsewhere}, "microsoftGraphResourceId": elsewhere}
    ).encode()
    env = {"ARM_METADATA_HOSTNAME": hostile.url.removeprefix("https://")}

    for command in A_FEW:
        said = refused(project, command, env)
        assert f"metadata host {env['ARM_METADATA_HOSTNAME']}: {elsewhere} would receive ARM_CLIENT_SECRET" in said
        assert {path for _, path, _, _ in hostile.received} == {"/metadata/endpoints"}, command


def test_a_users_file_shows_no_secret_and_holds_up_nobody(project: CliProject, hostile: HostileServer) -> None:
    """Another tenant's credentials, by path and by link, and a pipe without a writer."""
    assert hostile.received == []
    (project.folder / "credentials").mkdir()
    (project.folder / "credentials" / "other.env").write_text(f"KZERO_CLIENT_SECRET={SECRET}\n")
    (project.folder / "stacks" / "link.txt").symlink_to("../credentials/other.env")
    os.mkfifo(project.folder / "stacks" / "pipe")

    for name in ("credentials/other.env", "stacks/link.txt", "stacks/pipe"):
        project.settings({"usersFile": name})
        for command in A_FEW if name == "stacks/pipe" else (PREVIEW, CHECK):
            said = refused(project, command, {})
            assert f"usersFile: '{name}' cannot be used" in said, command
            assert SECRET not in said
    kept = "".join(file.read_text() for file in (project.folder / ".kzero-scim").rglob("*") if file.is_file())
    assert SECRET not in kept


def test_refresh_and_destroy_take_the_hosts_of_the_last_run(project: CliProject, hostile: HostileServer) -> None:
    """They do not run the program, and the engine configures both providers as the state has them.

    The last test, because a test after it would have to set up the tenant.
    """
    project.settings({"azuread:metadataHost": hostile.url.removeprefix("https://"), "kzeroServerUrl": hostile.url})

    project.pulumi("refresh", "--yes", "--skip-preview").succeeded()
    project.destroy().succeeded()

    assert hostile.received == []
