"""gitops/CODEOWNERS asks the platform team for everything except tenants' settings."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


def owner(path: str) -> str:
    """Return the owner in the last line that matches, for the two kinds of patterns that the file uses."""
    found = ""
    for line in (ROOT / "gitops" / "CODEOWNERS").read_text().splitlines():
        if line and not line.startswith("#"):
            pattern, team = line.split()
            assert pattern == "*" or (pattern.startswith("/") and pattern.endswith("/"))
            if pattern == "*" or path.startswith(pattern.removeprefix("/")):
                found = team
    return found


@pytest.mark.parametrize(
    "path",
    [
        *("__main__.py", "Pulumi.yaml", "fleet.yaml", "requirements.lock", "kzero_scim/origin.py", "policy/pack.py"),
        *("gitops/install.sh", "gitops/checksums.txt", ".github/workflows/preview.yml", ".gitlab-ci.yml"),
        *(".github/CODEOWNERS", "other/stacks/Pulumi.x.yaml"),
    ],
)
def test_code_and_pipelines_belong_to_the_platform_team(path: str) -> None:
    assert owner(path) == "@contoso/platform"


def test_settings_of_tenants_belong_to_the_operators() -> None:
    assert owner("stacks/Pulumi.contoso.yaml") == "@contoso/operators"
