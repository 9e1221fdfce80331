"""The sandbox's fleet: tenants with a project, replicas, and defects."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from kzero_sandbox import defects
from kzero_sandbox.defects import Defect, DefectError
from kzero_sandbox.fleet import fleet
from kzero_sandbox.organisation import PARTNER
from kzero_sandbox.replicas import ReplicaError, original, replicate
from kzero_sandbox.running import RunningSandbox

from kzero_scim.commands.sandbox.replica_state import rewritten
from tests.e2e.cli_project import CliProject, install_azuread, search_path


def test_tenants_are_set_up_from_their_project_and_spoiled_one_by_one(sandbox: RunningSandbox, tmp_path: Path) -> None:
    """The project works, a replica equals the result of `up`, and a defect affects one tenant until it is repaired."""
    folder = tmp_path / "fleet"
    with fleet(sandbox, 2, folder) as (one, two):
        environment = (
            sandbox.process.environment()
            | _exports(folder / "env")
            | _exports(folder / "credentials" / f"{one.name}.env")
        )
        environment |= {"PATH": search_path(), "VIRTUAL_ENV": sys.prefix, "HOME": os.environ["HOME"]}
        environment |= {
            "COLUMNS": "400",
            "PULUMI_BACKEND_URL": folder.as_uri(),
            "PULUMI_HOME": str(tmp_path / "pulumi"),
            "AZUREAD_STANDIN_POLL_SECONDS": "0",
        }
        install_azuread(tmp_path / "pulumi")
        project = CliProject(folder, environment, stack=one.name)
        with pytest.raises(DefectError, match=r"tenant-001 is not set up yet.*fleet up tenant-001"):
            defects.make(sandbox, Defect.DRIFT, one)
        project.pulumi("stack", "init").succeeded()
        project.up().succeeded()

        replicate(sandbox, original(sandbox, one, folder, folder), two, rewritten)
        partner = {"ARM_CLIENT_ID": PARTNER.client_id, "ARM_CLIENT_SECRET": PARTNER.secret}
        partner |= _exports(folder / "credentials" / f"{two.name}.env")
        replica = CliProject(folder, environment | partner, stack=two.name)
        replica.preview("--expect-no-changes").succeeded()
        assert "nothing differs" in replica.kzero_scim("drift", two.name).succeeded().text
        assert "7 of 7 passed" in replica.kzero_scim("check", two.name).succeeded().text
        with pytest.raises(ReplicaError, match="tenant-002 is set up already"):
            replicate(sandbox, original(sandbox, one, folder, folder), two, rewritten)

        defects.make(sandbox, Defect.DRIFT, one)
        defects.make(sandbox, Defect.QUARANTINE, one)
        drift = json.loads(project.kzero_scim("drift", one.name, "--json").stdout)
        status = json.loads(project.kzero_scim("status", one.name, "--json").stdout)
        defects.repair(sandbox, Defect.QUARANTINE, one)
        repaired = json.loads(project.kzero_scim("status", one.name, "--json").stdout)
        defects.make(sandbox, Defect.FAILING_CREDENTIALS, two)
        unspoiled = project.kzero_scim("status", one.name)
        defects.make(sandbox, Defect.FAILING_CREDENTIALS, one)
        refused = project.kzero_scim("status", one.name)

        assert defects.made(sandbox.layout) == {
            Defect.DRIFT: ["tenant-001"],
            Defect.FAILING_CREDENTIALS: ["tenant-001", "tenant-002"],
        }
        assert {item["resource"] for item in drift["differences"]} == {"MapperSet", "AppRoleAssignments"}
        assert (status["status"], repaired["status"]) == ("quarantine", "healthy")
        assert unspoiled.code == 0
        assert "AADSTS7000215" in refused.failed().text


def _exports(file: Path) -> dict[str, str]:
    pairs = (line.removeprefix("export ").partition("=") for line in file.read_text().splitlines() if "=" in line)
    return {name: value.strip("'") for name, _, value in pairs}
