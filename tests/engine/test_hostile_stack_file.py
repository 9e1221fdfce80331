"""The real Pulumi CLI, which the command line uses to read stack files, rejects hostile ones."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from kzero_scim.errors import SettingsError
from kzero_scim.stack.stack import Stack
from tests.unit.stack.test_safe_yaml import LAUGHS


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (LAUGHS, "pulumi config --json failed: invalid YAML file: yaml: document contains excessive aliasing"),
        ("config:\n  a:b: 1\n  a:b: 2\n", 'mapping key "a:b" already defined at line 2'),
        ("config:\n  a:b: " + "[" * 20_000, "exceeded max depth of 10000"),
    ],
)
def test_pulumi_rejects_a_hostile_file_and_the_error_is_one_line(
    text: str, reason: str, pulumi: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`kzero-scim check` and `doctor` read configuration only through the CLI, so its error becomes theirs."""
    monkeypatch.setenv("PULUMI_BACKEND_URL", f"file://{tmp_path}")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "of this test")
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path / "home"))
    (tmp_path / "Pulumi.yaml").write_text("name: kzero-scim\nruntime: python\n")
    subprocess.run(
        [pulumi, "stack", "init", "bomb", "--non-interactive"], cwd=tmp_path, check=True, capture_output=True
    )
    (tmp_path / "Pulumi.bomb.yaml").write_text(text)

    with pytest.raises(SettingsError) as caught:
        Stack.load("bomb", tmp_path)

    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)
