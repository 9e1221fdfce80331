"""Tests of a project's program in this process, without an engine (see tests/engine/test_fleet_program.py)."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from kzero_scim.fleet.run.project_program import ProjectProgram, leaving_nothing

_LOCAL_SDK = """
import pulumi
from pulumi.runtime import rpc

class Module(rpc.ResourceModule):
    def version(self):
        return None

    def construct(self, name, typ, urn):
        return pulumi.DependencyResource(urn)

rpc.register_resource_module("team", "index", Module())
"""


def test_a_second_run_finds_the_process_as_the_first_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The project's modules are imported again in each run; installed packages stay loaded."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("name: team\nruntime: python\n")
    (tmp_path / "team_sdk.py").write_text(_LOCAL_SDK)
    (tmp_path / "__main__.py").write_text(
        "import logging, sys, team_sdk\nlogging.basicConfig()\nsys.path.append('/of-the-program')\nimport colorsys\n"
    )
    before = (list(sys.path), list(sys.argv), list(logging.root.handlers))

    for _ in range(2):
        sys.modules.pop("colorsys", None)
        with leaving_nothing(tmp_path):
            ProjectProgram.of(tmp_path).run(print)
            assert "team_sdk" in sys.modules

    assert before == (list(sys.path), list(sys.argv), list(logging.root.handlers))
    assert "team_sdk" not in sys.modules
    assert "colorsys" in sys.modules
