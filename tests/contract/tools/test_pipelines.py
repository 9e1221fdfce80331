"""The linters of gitops/ fail on a broken pipeline; each example is found by another linter."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tools import pipelines
from tools.cache import CHECKOUT


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return shutil.copytree(CHECKOUT / "gitops", tmp_path / "gitops")


def found(file: Path, folder: Path) -> str:
    """Return the findings of the linters that check one file."""
    linter = pipelines.actionlint()
    if linter is None:
        pytest.skip("Go, which builds actionlint, is not on PATH")
    commands = [command for command in pipelines.commands(folder, linter) if file in command]
    return "\n".join(filter(None, map(pipelines.check, commands)))


@pytest.mark.parametrize(
    ("file", "right", "wrong", "finding"),
    [
        ("github/preview.yml", "needs.tenants.outputs.jobs !=", "needs.tenant.outputs.jobs !=", 'property "tenant" is'),
        ("github/apply.yml", "checkout@de0fac2e4500dabe0009e67214ff5f5447ce83dd", "checkout@v6", "unpinned-uses"),
        ("github/drift.yml", "run: gitops/drift.sh", "run: echo ${{ github.head_ref }}", "template-injection"),
        ("github/drift.yml", "runs-on: ubuntu-24.04", "run-on: ubuntu-24.04", "'runs-on' is a required property"),
        ("gitlab/gitlab-ci.yml", "parallel: 2", "parallel: two", "'two' is not valid"),
        ("azure-devops/apply.yml", "lockBehavior: sequential", "lockBehaviour: sequential", "lockBehaviour"),
        ("notify.sh", '"$1"', "$1", "SC2086"),
    ],
    ids=lambda value: value.replace("/", "-") if isinstance(value, str) and value.endswith((".yml", ".sh")) else "",
)
def test_a_broken_pipeline_is_reported(copy: Path, file: str, right: str, wrong: str, finding: str) -> None:
    text = (copy / file).read_text()
    assert right in text
    (copy / file).write_text(text.replace(right, wrong))

    assert finding in found(copy / file, copy)


def test_without_go_the_other_linters_run_and_a_notice_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KZERO_SCIM_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))

    pipelines.main()

    assert capsys.readouterr().out.splitlines() == [
        "notice: actionlint did not check gitops/github, because building it needs Go, which is not on PATH",
        "All linters of gitops/ passed.",
    ]
