"""A pull request changes a stack file: no secret of the environment reaches the host that it names, by any command."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hostile.server import HostileServer, hostile_servers
from tests.e2e.cli_project import CliProject, Outcome

SECRET = "s3cret-of-the-environment"  # pragma: allowlist secret
COMMANDS = (
    ("pulumi", "preview"),
    ("pulumi", "up", "--yes", "--skip-preview"),
    ("kzero-scim", "check", "test"),
    ("kzero-scim", "status", "test"),
    ("kzero-scim", "drift", "test"),
    ("kzero-scim", "doctor", "test"),
    ("kzero-scim", "adopt", "other", "--dry-run"),
    ("kzero-scim", "fleet", "preview"),
    ("kzero-scim", "fleet", "up", "--yes"),
    ("kzero-scim", "fleet", "drift"),
    ("kzero-scim", "fleet", "status", "--checklist"),
)
A_FEW = (COMMANDS[0], COMMANDS[2], COMMANDS[7], COMMANDS[9])
PREVIEWS = (COMMANDS[0], COMMANDS[7])


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostileServer]:
    with hostile_servers(tmp_path_factory.mktemp("hostile")) as servers:
        yield servers[0]


@pytest.fixture
def hostile(serving: HostileServer, project: CliProject) -> HostileServer:
    """Return a server that every command trusts, beside an applied tenant."""
    serving.begin_anew()
    bundle = project.folder / "trusted.pem"
    bundle.write_bytes(Path(project.env["SSL_CERT_FILE"]).read_bytes() + b"\n" + serving.ca_file.read_bytes())
    project.env |= {"SSL_CERT_FILE": str(bundle), "REQUESTS_CA_BUNDLE": str(bundle)}
    project.up().succeeded()
    return serving


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


def changes_of(hostile: HostileServer) -> dict[str, tuple[dict[str, Any], dict[str, str], tuple[tuple[str, ...], ...]]]:
    """Return by setting what a stack file changes, what the environment holds, and the commands to try."""
    generic = {"profile": "Generic", "remoteTokenEndpoint": f"{hostile.url}/token"}
    token = {"KZERO_REMOTE_TOKEN_CLIENT_ID": "scim", "KZERO_REMOTE_TOKEN_CLIENT_SECRET": SECRET}
    job = {"ARM_CLIENT_SECRET": "", "ACTIONS_ID_TOKEN_REQUEST_TOKEN": SECRET, "ARM_USE_OIDC": "true"}
    foreign = {"tenantUrl": f"{hostile.url}/realms/x/scim/v2", "allowForeignTenantUrl": True}
    return {
        "azuread:metadataHost": ({"azuread:metadataHost": hostile.url.removeprefix("https://")}, {}, COMMANDS),
        "kzeroServerUrl": ({"kzeroServerUrl": hostile.url}, {}, COMMANDS),
        "azuread:oidcRequestUrl": ({"azuread:oidcRequestUrl": f"{hostile.url}/id"}, job, COMMANDS),
        "remoteTokenEndpoint": (generic, token, PREVIEWS),
        "tenantUrl": (foreign, {}, PREVIEWS),
    }


def test_nothing_arrives_at_a_host_that_only_the_stack_file_names(project: CliProject, hostile: HostileServer) -> None:
    """Every command refuses with the setting, the host and how to allow it; with that, the host is asked."""
    before = (project.folder / "stacks" / "Pulumi.test.yaml").read_text()
    for setting, (settings, env, commands) in changes_of(hostile).items():
        project.settings(settings)
        other = project.folder / "stacks" / "Pulumi.other.yaml"
        for command in commands:
            if "adopt" in command:
                other.write_bytes((project.folder / "stacks" / "Pulumi.test.yaml").read_bytes())
            said = refused(project, command, env)
            other.unlink(missing_ok=True)
            assert hostile.received == [], f"{setting}, {command}: {said}"
            assert f"{setting}: {hostile.url} would receive" in said, f"{command}: {said}"
            assert f'{hostile.url}"` or list it under allowedHosts in fleet.yaml' in said
            assert SECRET not in said
        allowed = f"{project.env['KZERO_SCIM_ALLOWED_HOSTS']} {hostile.url}"
        asks = COMMANDS[2] if setting == "kzeroServerUrl" else COMMANDS[0]
        run(project, asks, env | {"KZERO_SCIM_ALLOWED_HOSTS": allowed})
        if setting != "tenantUrl":
            assert hostile.received, setting
        hostile.begin_anew()
        (project.folder / "stacks" / "Pulumi.test.yaml").write_text(before)


def test_refresh_and_destroy_take_the_hosts_of_the_last_run(project: CliProject, hostile: HostileServer) -> None:
    """They do not run the program, and the engine configures both providers as the state has them."""
    project.settings({"azuread:metadataHost": hostile.url.removeprefix("https://"), "kzeroServerUrl": hostile.url})

    project.pulumi("refresh", "--yes", "--skip-preview").succeeded()
    project.destroy().succeeded()

    assert hostile.received == []


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
        for command in A_FEW:
            said = refused(project, command, {})
            assert f"usersFile: '{name}' cannot be used" in said, command
            assert SECRET not in said
    kept = "".join(file.read_text() for file in (project.folder / ".kzero-scim").rglob("*") if file.is_file())
    assert SECRET not in kept
