"""The fleet's commands with real tenants: a real engine, a real Keycloak, the local Entra, and real signals."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from kzero_sandbox.fleet import FleetTenant, fleet
from kzero_sandbox.running import RunningSandbox

from faults.leaks import leaks
from tests.e2e.cli_project import CliProject, search_path

NAMES = ["tenant-001", "tenant-002", "tenant-003"]
_SECONDS = 120


class Fleet(CliProject):
    """The project of three tenants and the files in its folder."""

    def document(self, command: str) -> dict[str, Any]:
        """Return the last run's document."""
        found: dict[str, Any] = json.loads((self.folder / ".kzero-scim" / "runs" / f"{command}.json").read_text())
        return found

    def results(self, command: str) -> dict[str, dict[str, Any]]:
        """Return the last run's results by tenant."""
        return {result["tenant"]: result for result in self.document(command)["results"]}

    def outcomes_of(self, command: str) -> list[str]:
        """Return the last run's outcomes in the tenants' order."""
        return [self.results(command)[name]["outcome"] for name in NAMES]

    def log(self, tenant: str) -> str:
        """Return a tenant's log."""
        return (self.folder / ".kzero-scim" / "logs" / f"{tenant}.log").read_text()

    def set(self, tenant: str, **settings: Any) -> None:  # noqa: ANN401 - any setting
        """Change a tenant's settings. None removes a setting."""
        file = self.folder / "stacks" / f"Pulumi.{tenant}.yaml"
        document = yaml.safe_load(file.read_text())
        for key, value in settings.items():
            document["config"][f"kzero-scim:{key}"] = value
            if value is None:
                del document["config"][f"kzero-scim:{key}"]
        file.write_text(yaml.safe_dump(document))

    def be_set_up(self) -> None:
        """Set up the tenants unless an earlier test has. A worker may start with any test of this module."""
        if not (self.folder / ".kzero-scim" / "runs" / "up.json").exists():
            assert self.kzero_scim("fleet", "up", "--yes").succeeded()

    def locks(self) -> list[Path]:
        """Return the lock files of all stacks."""
        return list((self.folder / "state").rglob("locks/**/*.json"))


@pytest.fixture(scope="module")
def project(
    sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory, pulumi_home: Path
) -> Iterator[tuple[Fleet, list[FleetTenant]]]:
    """A fleet of three tenants, which starts without an `up`. The tests of this module share it."""
    folder = tmp_path_factory.mktemp("fleet") / "project"
    with fleet(sandbox, len(NAMES), folder) as tenants:
        (folder / "state").mkdir()
        words = [shlex.split(line) for line in (folder / "env").read_text().splitlines() if line.startswith("export")]
        exported = dict(word[1].split("=", 1) for word in words)
        environment = {
            **exported,
            "PATH": search_path(),
            "HOME": os.environ.get("HOME", str(folder)),
            "PULUMI_HOME": str(pulumi_home),
            "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "AZUREAD_STANDIN_POLL_SECONDS": "0",
        }
        yield Fleet(folder, environment), tenants


def test_a_preview_of_new_tenants_leaves_nothing_behind(project: tuple[Fleet, list[FleetTenant]]) -> None:
    """It adds nothing to backend and stack files, exits with 2, and reports all tenants as one group."""
    found, _ = project
    before = {file: file.read_bytes() for file in (found.folder / "stacks").iterdir()}

    done = found.kzero_scim("fleet", "preview", "--timeout", str(_SECONDS))

    assert done.code == 2, done.text
    assert re.search(
        r"would change +3 +set up for the first time, 12 resources +tenant-001, tenant-002, tenant-003", done.stdout
    )
    assert done.stdout.splitlines()[-1] == "preview: 3 tenants: 3 would change"
    assert before == {file: file.read_bytes() for file in (found.folder / "stacks").iterdir()}
    assert found.stacks() == []


def test_a_failing_tenant_does_not_affect_the_others(project: tuple[Fleet, list[FleetTenant]]) -> None:
    """One tenant has no secret for KZero and one a wrong setting; the third runs in the same worker and is set up.

    The tenant without a secret must not sign in with the secret of the tenant before it.
    """
    found, tenants = project
    credentials = found.folder / "credentials" / "tenant-002.env"
    complete = credentials.read_text()
    credentials.write_text(
        "".join(line for line in complete.splitlines(keepends=True) if "KZERO_CLIENT_SECRET" not in line)
    )
    found.set("tenant-003", profile="Azur")

    done = found.kzero_scim("fleet", "up", "--yes", "--parallel", "1", "--max-failures", "0")

    assert done.code == 1, done.text
    results = found.results("up")
    assert found.outcomes_of("up") == ["changed", "failed", "failed"]
    assert len(results["tenant-001"]["changes"]) == 12
    assert [item["passed"] for item in results["tenant-001"]["checklist"]] == [True] * 7
    assert results["tenant-001"]["portals"]["KZero Advanced Console"].endswith("/admin/Tenant-001/console/")
    assert "KZERO_CLIENT_SECRET" in results["tenant-002"]["error"]
    assert "profile" in results["tenant-003"]["error"]
    for name in NAMES[1:]:
        assert "\n" not in results[name]["error"]
        assert results[name]["error"].removesuffix("; nothing was changed") in found.log(name)
    assert "Traceback" not in done.text + found.log("tenant-002") + found.log("tenant-003")

    credentials.write_text(complete)
    found.set("tenant-003", profile=None)
    resumed = found.kzero_scim("fleet", "up", "--yes", "--resume")

    assert resumed.code == 0, resumed.text
    assert found.outcomes_of("up") == ["changed", "changed", "changed"]
    assert "1 of the last up are current; running 2" in resumed.text
    assert "tenant-001  12 changes" not in resumed.stdout
    secrets = {f"KZero of {item.name}": item.credentials.client_secret for item in tenants}
    secrets |= {f"Entra of {item.name}": item.organisation.client("least-privilege").secret for item in tenants}
    left = [file for part in (".kzero-scim", "state", "stacks") for file in (found.folder / part).rglob("*")]
    printed = {outcome.command: outcome.text for outcome in found.outcomes}
    assert leaks(secrets, printed, [file for file in left if file.is_file()]) == []


def test_a_changed_setting_and_a_manual_change(
    project: tuple[Fleet, list[FleetTenant]], sandbox: RunningSandbox
) -> None:
    """A preview shows both, each with its exit code, and a refresh reports the drift and stores it in the state."""
    found, tenants = project
    found.be_set_up()
    assert found.kzero_scim("fleet", "preview").code == 0
    assert found.outcomes_of("preview") == ["unchanged"] * 3
    found.set("tenant-002", deletionThreshold=30)

    changed = found.kzero_scim("fleet", "preview", "--json")

    assert changed.code == 2
    assert json.loads(changed.stdout) == found.document("preview")
    [change] = found.results("preview")["tenant-002"]["changes"]
    assert (change["resource"], change["operation"]) == ("SynchronizationCredentials", "update")
    assert change["properties"] == [{"property": "deletionThreshold", "kind": "update", "was": 25, "now": 30}]

    with sandbox.kzero() as kzero:
        rename_claim(kzero, tenants[2], "email", "mail")
    drifted = found.kzero_scim("fleet", "preview", "--refresh", "tenant-00[13]")

    assert drifted.code == 3, drifted.text
    drift = {"resource": "MapperSet", "property": "mappers.email.claim", "was": "email", "now": "mail"}
    assert drift.items() <= found.results("preview")["tenant-003"]["drift"][0].items()
    assert found.results("preview")["tenant-001"]["outcome"] == "unchanged"

    refreshed = found.kzero_scim("fleet", "refresh", "--yes", "tenant-003")

    assert refreshed.code == 3, refreshed.text
    assert drift.items() <= found.results("refresh")["tenant-003"]["drift"][0].items()
    assert found.kzero_scim("fleet", "preview", "tenant-003").code == 2
    assert found.kzero_scim("fleet", "up", "--yes", "tenant-002", "tenant-003").code == 0
    assert found.results("up")["tenant-003"]["changes"][0]["properties"][0]["now"] == "email"


def test_a_resource_that_a_project_adds_to_its_program_is_kept(project: tuple[Fleet, list[FleetTenant]]) -> None:
    """Once the program no longer declares it, preview and up report its deletion and its component's."""
    found, _ = project
    found.be_set_up()
    program = found.folder / "__main__.py"
    original = program.readlink()
    program.unlink()
    (found.folder / "additions.py").write_text(_ADDITIONS)
    try:
        program.write_text(f"{original.read_text()}\nfrom additions import Partner\n\nPartner('partner')\n")
        assert found.kzero_scim("fleet", "up", "--yes", "tenant-001").code == 0
        assert _changes(found.results("up")["tenant-001"]) == [("create", "ApplicationFromTemplate", "partner")]
        assert found.kzero_scim("fleet", "up", "--yes", "tenant-001").code == 0
        assert found.results("up")["tenant-001"]["outcome"] == "unchanged"

        program.write_text(original.read_text())
        deleted = [("delete", "ApplicationFromTemplate", "partner"), ("delete", "Partner", "partner")]
        for command, code in (["preview"], 2), (["up", "--yes"], 0):
            assert found.kzero_scim("fleet", *command, "tenant-001").code == code
            result = found.results(command[0])["tenant-001"]
            assert (result["outcome"], sorted(_changes(result))) == ("changed", deleted)
    finally:
        program.unlink()
        program.symlink_to(original)


def test_a_tenant_that_hangs_is_stopped_and_its_stack_is_unlocked(
    project: tuple[Fleet, list[FleetTenant]], sandbox: RunningSandbox
) -> None:
    """The service holds the request forever, and the interrupted engine unlocks the stack."""
    found, _ = project
    found.be_set_up()
    with sandbox.kzero() as kzero:
        kzero.post("/sandbox/faults", json={"path": ".*Tenant-002.*", "hold": True, "times": None}).raise_for_status()
        try:
            done = found.kzero_scim("fleet", "up", "tenant-002", "--yes", "--refresh", "--timeout", "10")
        finally:
            kzero.delete("/sandbox/faults").raise_for_status()

    assert done.code == 1, done.text
    assert found.results("up")["tenant-002"]["outcome"] == "timed-out"
    assert found.results("up")["tenant-002"]["error"].startswith("stopped after 10 s")
    assert found.locks() == []


@pytest.mark.parametrize("signals", [1, 2])
def test_ctrl_c(project: tuple[Fleet, list[FleetTenant]], sandbox: RunningSandbox, signals: int) -> None:
    """After one Ctrl-C, running tenants finish and no other starts. After two, the engine is interrupted."""
    found, _ = project
    found.be_set_up()
    with sandbox.kzero() as kzero:
        faults = kzero.post("/sandbox/faults", json=[{"path": ".*Tenant-001.*", "hold": True}]).raise_for_status()
        rule = f"/sandbox/faults/{faults.json()[0]['id']}"
        command = str(Path(sys.prefix) / "bin" / "kzero-scim")
        run = subprocess.Popen(
            [command, "fleet", "up", "--yes", "--refresh", "--parallel", "1"],
            cwd=found.folder,
            env=found.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            process_group=0,
        )
        assert run.stdout is not None
        try:
            until(lambda: bool(kzero.get(rule).raise_for_status().json()["held"]))
            # To all processes of the group, as a terminal does.
            os.killpg(run.pid, signal.SIGINT)
            printed = run.stdout.readline()
            if signals == 2:
                os.killpg(run.pid, signal.SIGINT)
                printed += run.stdout.readline() + run.stdout.readline()
        finally:
            if signals == 1:
                kzero.delete("/sandbox/faults").raise_for_status()
            rest, _ = run.communicate(timeout=_SECONDS)
            kzero.delete("/sandbox/faults").raise_for_status()

    assert "interrupted: finishing 1 running tenant and starting no more" in printed
    assert run.returncode == 1, rest
    assert found.outcomes_of("up") == [["unchanged", "failed"][signals - 1], "not-run", "not-run"]
    assert found.results("up")["tenant-003"]["error"] == "interrupted"
    assert found.locks() == []
    assert "Traceback" not in printed + rest


_ADDITIONS = """
import pulumi
import pulumi_azuread as azuread

class Partner(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("team:additions:Partner", name)
        azuread.ApplicationFromTemplate(
            name,
            display_name="Partner",
            template_id="8adf8e6e-67b2-4cf2-a259-e3dc5476c621",
            opts=pulumi.ResourceOptions(parent=self),
        )
"""
"""A module that a team has put beside its program."""


def _changes(result: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(change["operation"], change["resource"], change["name"]) for change in result["changes"]]


def rename_claim(kzero: httpx.Client, tenant: FleetTenant, mapper: str, claim: str) -> None:
    """Change a mapper's claim as in the Advanced Console."""
    realm, own = f"/realms/{tenant.credentials.realm}", tenant.credentials
    form = {"grant_type": "client_credentials", "client_id": own.client_id, "client_secret": own.client_secret}
    token = kzero.post(f"{realm}/protocol/openid-connect/token", data=form).raise_for_status().json()["access_token"]
    signed_in = {"Authorization": f"Bearer {token}"}
    [client] = kzero.get(f"/admin{realm}/clients?clientId=scim-endpoint", headers=signed_in).raise_for_status().json()
    [found] = [item for item in client["protocolMappers"] if item["name"] == mapper]
    found["config"]["claim.name"] = claim
    place = f"/admin{realm}/clients/{client['id']}/protocol-mappers/models/{found['id']}"
    kzero.put(place, headers=signed_in, json=found).raise_for_status()


def until(so: Callable[[], bool]) -> None:
    """Wait until a condition is true."""
    deadline = time.monotonic() + _SECONDS
    while not so():
        assert time.monotonic() < deadline
        time.sleep(0.05)
