"""Tenants that an older version set up work with this version's program."""

from __future__ import annotations

from pathlib import Path

import pytest
from kzero_sandbox.fleet import fleet
from kzero_sandbox.running import RunningSandbox

from tests.baselines.baseline import Baseline, project_of, recorded

RECORDED = recorded()


@pytest.mark.parametrize("baseline", RECORDED, ids=[baseline.version for baseline in RECORDED])
def test_an_upgrade_changes_nothing(
    baseline: Baseline, sandbox: RunningSandbox, tmp_path: Path, pulumi_home: Path
) -> None:
    """After an upgrade, a preview shows no change, an `up` makes none, outputs keep their names, the check passes."""
    folder = tmp_path / "project"
    with fleet(sandbox, 1, folder) as (tenant,):
        project = project_of(tenant, folder, pulumi_home)
        baseline.lay(sandbox, tenant, project)

        project.preview("--expect-no-changes").succeeded()
        project.up("--expect-no-changes").succeeded()
        assert set(project.outputs()) == baseline.outputs
        assert "7 of 7 passed" in project.kzero_scim("check", tenant.name).succeeded().text
