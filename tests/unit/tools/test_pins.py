"""Versions that are written in two places agree, and the set-up's stamp changes with its inputs."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from kzero_sandbox.azuread.installation import VERSION

from tools import pipelines, pulumi_cli, python_env
from tools.cache import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def project() -> dict[str, Any]:
    return tomllib.loads((CHECKOUT / "pyproject.toml").read_text(encoding="utf-8"))


def test_the_azuread_plugin_has_the_version_of_its_python_package(project: dict[str, Any]) -> None:
    assert f"pulumi-azuread=={VERSION}" in project["project"]["dependencies"]


@pytest.mark.parametrize(
    ("folder", "module", "expected"),
    [
        ("pulumi", "pkg/v3", pulumi_cli.VERSION),
        ("pulumi", "sdk/v3", pulumi_cli.VERSION),
        ("pulumi-language-python", "sdk/v3", pulumi_cli.LANGUAGE_HOST_VERSION),
    ],
)
def test_built_programs_have_the_version_of_their_module_file(folder: str, module: str, expected: str) -> None:
    text = (CHECKOUT / "tools" / folder / "go.mod").read_text(encoding="utf-8")

    assert f"\tgithub.com/pulumi/pulumi/{module} v{expected}" in text


def test_the_pipelines_install_the_tested_pulumi_cli_and_the_linter_is_pinned() -> None:
    install = (CHECKOUT / "gitops" / "install.sh").read_text(encoding="utf-8")
    linter = (CHECKOUT / "tools" / "actionlint" / "go.mod").read_text(encoding="utf-8")

    assert f"\npulumi={pulumi_cli.VERSION}\n" in install
    assert f"\tgithub.com/rhysd/actionlint v{pipelines.ACTIONLINT_VERSION}" in linter


def test_the_oldest_go_is_the_version_in_the_module_file() -> None:
    text = (CHECKOUT / "tools" / "pulumi" / "go.mod").read_text(encoding="utf-8")

    assert f"\ngo {'.'.join(map(str, pulumi_cli.OLDEST_GO))}\n" in text


@pytest.mark.parametrize(
    "lock",
    [python_env.RUN_TIME_LOCK, python_env.DEVELOPMENT_LOCK, python_env.POLICY_LOCK, python_env.BUILD_LOCK],
    ids=lambda path: path.name,
)
def test_a_lock_has_a_hash_for_every_package_and_names_no_registry(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")

    blocks = re.split(r"\n(?=\S)", text)
    assert all("--hash=sha256:" in block for block in blocks if re.match(r"[a-z0-9]", block))
    assert "://" not in text


def test_every_direct_dependency_is_locked(project: dict[str, Any]) -> None:
    names = {re.split(r"[=~<>]", requirement)[0] for requirement in project["project"]["dependencies"]}
    locked = set(re.findall(r"^([a-z0-9-]+)==", python_env.RUN_TIME_LOCK.read_text(encoding="utf-8"), re.MULTILINE))

    assert names <= locked


def test_the_stamp_depends_on_each_content_and_its_name() -> None:
    first = python_env.stamp({"lock": b"ab", "project": b"c"})

    assert first == python_env.stamp({"project": b"c", "lock": b"ab"})
    assert first != python_env.stamp({"lock": b"abc", "project": b""})
    assert first != python_env.stamp({"lock": b"c", "project": b"ab"})
