"""Set-up installs what the tests of the fleet's page need, or prints what is missing."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tools import browser, progress
from tools.problem import Problem


class Machine:
    """A machine with nothing installed, which records the commands that run on it."""

    def __init__(self, folder: Path) -> None:
        self.programs = folder / "bin"
        self.programs.mkdir()
        self.ran: list[list[str]] = []
        self.environments: list[dict[str, str]] = []

    def install(self, *names: str) -> None:
        """Add programs to PATH."""
        for name in names:
            program = self.programs / name
            program.write_text("#!/bin/sh\n")
            program.chmod(0o755)

    def run(self, _title: str, command: Sequence[str | Path], **rest: Any) -> None:  # noqa: ANN401 - a process's options
        """Install what apt-get and Maven would install."""
        words = [str(part) for part in command]
        self.ran.append(words)
        self.environments.append(rest.get("env") or {})
        if "install" in words:
            self.install("chromium", "chromedriver")
        for word in words:
            if word.startswith("-DoutputDirectory="):
                archive = Path(word.partition("=")[2]) / f"selenium-{browser.AXE_VERSION}.jar"
                with zipfile.ZipFile(archive, "w") as content:
                    content.writestr("axe.min.js", "tampered with")


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """Return a machine with nothing installed, on which the user is root."""
    made = Machine(tmp_path)
    monkeypatch.setenv("PATH", str(made.programs))
    monkeypatch.setenv("KZERO_SCIM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(progress, "run", made.run)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    return made


def test_root_on_debian_gets_chromium(machine: Machine) -> None:
    """apt-get reads its lists once and installs both packages without questions."""
    machine.install("apt-get")

    browser.set_up()

    assert [words[3] for words in machine.ran] == ["update", "install"]
    assert machine.ran[1][-2:] == ["chromium", "chromium-driver"]
    assert {environment["DEBIAN_FRONTEND"] for environment in machine.environments} == {"noninteractive"}
    assert browser.find().driver == machine.programs / "chromedriver"


def test_an_installed_browser_is_used(machine: Machine) -> None:
    """Set-up runs no command if a browser and its driver are installed."""
    machine.install("apt-get", "google-chrome", "chromedriver")

    browser.set_up()

    assert machine.ran == []
    assert browser.find().browser == machine.programs / "google-chrome"


@pytest.mark.parametrize(("user", "programs"), [(1000, ["apt-get"]), (0, [])])
def test_without_root_or_apt_get_a_notice_says_what_to_install(
    machine: Machine,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    user: int,
    programs: list[str],
) -> None:
    """Set-up prints a notice for each missing part, installs nothing, and continues."""
    machine.install(*programs)
    monkeypatch.setattr(os, "geteuid", lambda: user)

    browser.set_up()

    chromium, axe = capsys.readouterr().out.splitlines()
    assert chromium == f"notice: {browser.REMEDY}"
    assert "axe-core, which Maven downloads" in axe
    assert machine.ran == []
    with pytest.raises(Problem, match="packages chromium and chromium-driver"):
        browser.find()


def test_another_axe_core_is_refused(machine: Machine, capsys: pytest.CaptureFixture[str]) -> None:
    """An axe-core with another checksum than the pinned one is not used."""
    machine.install("mvn", "chromium", "chromedriver")

    browser.set_up()

    assert "has checksum" in capsys.readouterr().out
    with pytest.raises(Problem):
        browser.axe()
