"""A sandbox gets the official azuread plugin or the stand-in, and the engine finds it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from kzero_sandbox.azuread.installation import FOLDER, PROGRAM, provide, write_stand_in

from tools import azuread_plugin, cache, progress, pulumi_cli
from tools.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Yield the home of a user whose machine has no azuread plugin and no network."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setenv("KZERO_SCIM_CACHE", str(tmp_path / "cache"))
    for name in ("PULUMI_HOME", "KZERO_SCIM_AZUREAD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(progress, "ask", lambda *_args, **_rest: None)
    # The result is cached for the whole process, but this machine is another one.
    pulumi_cli.on_path.cache_clear()
    yield tmp_path
    pulumi_cli.on_path.cache_clear()


def _official(pulumi_home: Path) -> None:
    folder = pulumi_home / "plugins" / FOLDER
    folder.mkdir(parents=True)
    (folder / PROGRAM).write_text("official")


def test_the_stand_in_is_used_if_the_official_plugin_is_not_available(machine: Path) -> None:
    installed = azuread_plugin.install(machine / "sandbox")

    program = machine / "sandbox" / "plugins" / FOLDER / PROGRAM
    assert installed.kind == "standin"
    assert "stand-in" in installed.text
    assert os.access(program, os.X_OK)
    assert '-m kzero_sandbox.azuread "$@"' in program.read_text()


def test_the_users_official_plugin_is_linked_into_a_real_folder(machine: Path) -> None:
    """The plugin's folder is a real folder with links in it, because the engine ignores a folder that is a link."""
    _official(machine / ".pulumi")
    write_stand_in(machine / "sandbox")

    installed = azuread_plugin.install(machine / "sandbox")

    folder = machine / "sandbox" / "plugins" / FOLDER
    assert installed.kind == "official"
    assert not folder.is_symlink()
    assert (folder / PROGRAM).read_text() == "official"


def test_a_half_installed_official_plugin_does_not_count(machine: Path) -> None:
    _official(machine / ".pulumi")
    (machine / ".pulumi" / "plugins" / f"{FOLDER}.partial").touch()

    assert azuread_plugin.install(machine / "sandbox").kind == "standin"


def test_the_stand_in_of_the_sandbox_is_never_taken_for_the_official_plugin(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sandbox's PULUMI_HOME, which is set if its variables are loaded, is not searched for the official plugin."""
    write_stand_in(machine / "sandbox")
    monkeypatch.setenv("PULUMI_HOME", str(machine / "sandbox"))

    assert azuread_plugin.install(machine / "sandbox").kind == "standin"


def test_the_user_can_choose_the_stand_in(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _official(machine / ".pulumi")
    monkeypatch.setenv("KZERO_SCIM_AZUREAD", "standin")

    assert azuread_plugin.install(machine / "sandbox").kind == "standin"


@pytest.mark.parametrize(
    ("wish", "expected"), [("official", "is not installed and could not be downloaded"), ("x", "is 'x'")]
)
def test_a_choice_that_is_not_available_is_an_error(
    machine: Path, monkeypatch: pytest.MonkeyPatch, wish: str, expected: str
) -> None:
    monkeypatch.setenv("KZERO_SCIM_AZUREAD", wish)

    with pytest.raises(Problem, match=expected):
        azuread_plugin.install(machine / "sandbox")

    assert not (machine / "sandbox").exists()


def test_a_failed_download_is_tried_again_only_after_a_day(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []
    monkeypatch.setattr(progress, "ask", lambda command, **_rest: tries.append(command))

    azuread_plugin.install(machine / "sandbox")
    azuread_plugin.install(machine / "sandbox")
    assert len(tries) == 1

    (failure,) = cache.root().glob("*.not-downloaded")
    a_day_ago = time.time() - azuread_plugin.RETRY_AFTER - 1
    os.utime(failure, (a_day_ago, a_day_ago))
    azuread_plugin.install(machine / "sandbox")
    assert len(tries) == 2


def test_a_sandbox_gets_a_plugin_without_a_download(machine: Path) -> None:
    """`sandbox up` installs the stand-in once, so that the engine does not try to download the official plugin."""
    home = machine / "sandbox"

    assert provide(home) == "the offline stand-in"
    assert os.access(home / "plugins" / FOLDER / PROGRAM, os.X_OK)
    assert provide(home) is None


def test_a_sandbox_gets_the_users_official_plugin_if_there_is_one(machine: Path) -> None:
    """The official plugin is linked, and one that is there is never replaced."""
    _official(machine / ".pulumi")
    home = machine / "sandbox"

    assert provide(home) == "the official plugin 6.11.1"
    assert (home / "plugins" / FOLDER / PROGRAM).read_text() == "official"
    assert provide(home) is None
