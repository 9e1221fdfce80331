"""Which Keycloak versions are supported: the tests, the tools and the documentation name the same ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from kzero_scim.keycloak.server_version import OLDEST, TESTED, refusal
from tools import keycloak_dist

SERVER = "https://kzero.example"


@pytest.mark.parametrize("version", [*TESTED, "24.0.5", "26.99.0", "26.0.8.redhat-00001", "nightly", ""])
def test_supported_and_unreadable_versions_are_not_refused(version: str) -> None:
    """A version that cannot be understood is unknown."""
    assert refusal(SERVER, version) is None


@pytest.mark.parametrize("version", ["22.0.4", "21.1.2", "9.0.3", "21.1.2.redhat-00001"])
def test_an_old_version_is_refused_in_one_sentence(version: str) -> None:
    """The sentence names the server, its version, the supported ones and the remedy."""
    assert refusal(SERVER, version) == (
        f"{SERVER} runs Keycloak {version}, which is too old: kzero-scim supports 22.0.5 to 26.x (tested: 22.0.5 and "
        "26.7.3); update the server"
    )


def test_a_new_major_version_needs_a_confirmation(monkeypatch: pytest.MonkeyPatch) -> None:
    """The confirmation names exactly one version."""
    said = refusal(SERVER, "27.0.0") or ""
    assert "which was not tested" in said
    assert "KZERO_SCIM_CONFIRM=keycloak=27.0.0" in said

    monkeypatch.setenv("KZERO_SCIM_CONFIRM", "keycloak=27.0.0")
    assert refusal(SERVER, "27.0.0") is None
    assert refusal(SERVER, "27.0.1") is not None


def test_tools_tests_and_documentation_name_the_tested_versions() -> None:
    """The versions that run in the tests are those that the product claims."""
    assert TESTED == (keycloak_dist.OLDEST, keycloak_dist.VERSION)
    assert ".".join(map(str, OLDEST)) == keycloak_dist.OLDEST
    page = (Path(__file__).parents[3] / "docs" / "kzero.md").read_text()
    assert all(version in page for version in TESTED)
