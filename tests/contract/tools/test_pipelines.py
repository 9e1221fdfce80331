"""The linters of gitops/ fail where a pipeline is broken: each of them would be missed."""

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
    """What the linters of one file tell."""
    linter = pipelines.actionlint()
    if linter is None:
        pytest.skip("there is no Go to build actionlint with")
    commands = [command for command in pipelines.commands(folder, linter) if file in command]
    return "\n".join(filter(None, map(pipelines.check, commands)))


@pytest.mark.parametrize(
    ("file", "right", "wrong", "told"),
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
def test_what_is_broken_is_told(copy: Path, file: str, right: str, wrong: str, told: str) -> None:
    text = (copy / file).read_text()
    assert right in text
    (copy / file).write_text(text.replace(right, wrong))

    assert told in found(copy / file, copy)


def test_without_go_the_other_linters_still_run_and_that_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KZERO_SCIM_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))

    pipelines.main()

    assert capsys.readouterr().out.splitlines() == [
        "notice: gitops/github was not checked by actionlint, which is built with Go, and Go is not on PATH",
        "The pipelines of gitops/ pass their linters.",
    ]
