"""Tests of the check of hosts before a refresh, which configures azuread before the program runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from kzero_scim.errors import SettingsError
from kzero_scim.fleet.run import refresh_hosts
from kzero_scim.fleet.run.refresh_hosts import require_hosts

SIGN_IN = {"ARM_CLIENT_ID": "a", "ARM_CLIENT_SECRET": "b"}
METADATA = {**SIGN_IN, "ARM_METADATA_HOSTNAME": "cloud.example"}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the metadata hosts whose documents are read."""
    hosts: list[str] = []
    monkeypatch.setattr(refresh_hosts, "require_cloud", lambda _, host: hosts.append(host))
    return hosts


def project(folder: Path, config: Mapping[str, Any]) -> Path:
    """Write a project with one stack file."""
    (folder / "stacks").mkdir()
    (folder / "stacks" / "Pulumi.contoso.yaml").write_text(yaml.safe_dump({"config": dict(config)}))
    return folder


def test_a_host_of_the_stack_file_is_refused(tmp_path: Path, asked: list[str]) -> None:
    """The engine does not start, so azuread is not configured."""
    folder = project(tmp_path, {"azuread:metadataHost": "elsewhere.example"})

    with pytest.raises(SettingsError, match=r"elsewhere\.example would receive ARM_CLIENT_SECRET"):
        require_hosts("contoso", folder, SIGN_IN)
    assert asked == []


def test_the_document_of_an_allowed_metadata_host_is_read(tmp_path: Path, asked: list[str]) -> None:
    """It names the login that azuread would send the secret to."""
    require_hosts("contoso", project(tmp_path, {"azuread:tenantId": "t"}), METADATA)

    assert asked == ["cloud.example"]


def test_a_secret_of_the_stack_file_may_go_where_the_file_says(tmp_path: Path, asked: list[str]) -> None:
    """An encrypted secret in the same file belongs to its author."""
    own = {"azuread:clientId": "a", "azuread:clientSecret": {"secure": "v1:x"}, "azuread:metadataHost": "own.example"}

    require_hosts("contoso", project(tmp_path, own), {})

    assert asked == []
