"""The project as an operator has it: a folder, a stack, and commands."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from kzero_sandbox.running import Tenant

from tests.e2e.cli_project import CliProject, install_azuread, make_empty_project, make_project, search_path


@pytest.fixture(scope="session")
def pulumi_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PULUMI_HOME with the azuread stand-in, shared by all tests."""
    if not shutil.which("pulumi", path=search_path()):
        pytest.fail("no pulumi on PATH; `make test` puts one there")
    home = tmp_path_factory.mktemp("pulumi-home")
    install_azuread(home)
    return home


@pytest.fixture
def project(tenant: Tenant, tmp_path: Path, pulumi_home: Path) -> CliProject:
    """The project with a stack of the test's own tenant, not yet applied."""
    return make_project(tmp_path / "project", tenant, pulumi_home)


@pytest.fixture
def empty_project(tenant: Tenant, tmp_path: Path, pulumi_home: Path) -> CliProject:
    """The project without any stack, beside the test's own tenant."""
    return make_empty_project(tmp_path / "project", tenant, pulumi_home)
