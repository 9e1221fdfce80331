"""Fixtures with the project as an operator has it: a folder, a stack, and commands."""

from __future__ import annotations

from pathlib import Path

import pytest
from kzero_sandbox.running import Tenant

from tests.e2e.cli_project import CliProject, install_azuread, make_empty_project, make_project


@pytest.fixture(scope="session")
def pulumi_home(pulumi: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A PULUMI_HOME with the azuread stand-in, shared by all tests."""
    del pulumi  # required; the projects find it on their PATH
    home = tmp_path_factory.mktemp("pulumi-home")
    install_azuread(home)
    return home


@pytest.fixture
def project(tenant: Tenant, tmp_path: Path, pulumi_home: Path) -> CliProject:
    """The project with a stack of the test's tenant, before the first `up`."""
    return make_project(tmp_path / "project", tenant, pulumi_home)


@pytest.fixture
def empty_project(tenant: Tenant, tmp_path: Path, pulumi_home: Path) -> CliProject:
    """The project without a stack, for the test's tenant."""
    return make_empty_project(tmp_path / "project", tenant, pulumi_home)
