"""Tests of ending processes that outlived their run, with real processes."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kzero_scim.stack.orphans import end_orphans

pytestmark = pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="only Linux shows a process's folder")

_WAIT = "import time; time.sleep(60)"
_PROGRAM = "pulumi-language-python-exec"


class Processes:
    """Processes that look like those of a run: only folder and command line count."""

    def __init__(self, folder: Path) -> None:
        """Work in a folder."""
        self.folder = folder
        self.all: list[subprocess.Popen[bytes]] = []

    def start(self, *words: str, folder: Path | None = None) -> subprocess.Popen[bytes]:
        """Start a process with these words on its command line."""
        made = subprocess.Popen([sys.executable, "-c", _WAIT, *words], cwd=folder or self.folder)
        self.all.append(made)
        return made


@pytest.fixture
def processes(tmp_path: Path) -> Iterator[Processes]:
    """Start no process, and kill all at the end."""
    made = Processes(tmp_path)
    yield made
    for process in made.all:
        process.kill()
        process.wait()


@pytest.fixture
def gone() -> str:
    """Return an address where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


def test_the_processes_of_the_stacks_own_run_are_ended(processes: Processes, gone: str) -> None:
    """The program names the stack, and the others have the same engine."""
    program = processes.start(_PROGRAM, "--engine", gone, "--project", "p", "--stack", "contoso")
    plugin = processes.start("/plugins/pulumi-resource-azuread", gone)

    lines = end_orphans(processes.folder, "contoso", is_only=False)

    assert lines == [
        f"ended process {program.pid} of the interrupted run: {_PROGRAM}",
        f"ended process {plugin.pid} of the interrupted run: pulumi-resource-azuread",
    ]
    assert [program.wait(5), plugin.wait(5)] == [-15, -15]


def test_another_stacks_processes_are_left(processes: Processes, gone: str) -> None:
    """The program says that they belong to another stack."""
    processes.start(_PROGRAM, "--engine", gone, "--project", "p", "--stack", "fabrikam")
    plugin = processes.start("/plugins/pulumi-resource-azuread", gone)

    assert end_orphans(processes.folder, "contoso", is_only=True) == []
    assert plugin.poll() is None


def test_a_plugin_without_its_program_is_ended_only_if_no_other_stack_was_interrupted(
    processes: Processes, gone: str
) -> None:
    """Nothing tells its stack, so it is named if it may be another's."""
    plugin = processes.start("/plugins/pulumi-resource-azuread", gone)

    [left] = end_orphans(processes.folder, "contoso", is_only=False)
    assert f"`kill {plugin.pid}`" in left
    assert plugin.poll() is None

    [ended] = end_orphans(processes.folder, "contoso", is_only=True)
    assert f"ended process {plugin.pid} of the interrupted run" in ended


def test_a_running_engines_processes_and_other_folders_are_left(processes: Processes, gone: str) -> None:
    """A run whose engine listens is not interrupted, and another folder is another project."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        alive = f"127.0.0.1:{server.getsockname()[1]}"
        processes.start(_PROGRAM, "--engine", alive, "--project", "p", "--stack", "contoso")
        processes.start("/plugins/pulumi-resource-azuread", gone, folder=processes.folder.parent)
        processes.start("unrelated", gone)

        assert end_orphans(processes.folder, "contoso", is_only=True) == []
    assert [process.poll() for process in processes.all] == [None] * 3
