"""Tests the executable that the engine starts."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

import kzero_scim
from kzero_scim.provider.package import KZERO

EXECUTABLE = Path(__file__).parents[3] / "plugin" / "pulumi-resource-kzero"


class Process:
    """A running provider."""

    def __init__(self, directory: Path, environment: Mapping[str, str], *command: str | Path) -> None:
        """Start the provider as the engine does: with the engine's address and a pipe as standard input."""
        self.process = subprocess.Popen(
            [*(command or (EXECUTABLE,)), "127.0.0.1:1"],
            cwd=directory,
            env={**environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def end(self) -> tuple[int, str]:
        """Wait until the provider stops, and return its exit code and output."""
        _, errors = self.process.communicate(timeout=10)
        return self.process.returncode, errors


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Process]:
    """Start a provider with this Python as the active environment."""
    environment = {"PATH": "/usr/bin:/bin", "VIRTUAL_ENV": str(Path(sys.executable).parents[1])}
    started = Process(tmp_path, environment)
    yield started
    if started.process.poll() is None:
        started.process.kill()
        started.end()


def test_it_serves_the_package(provider: Process) -> None:
    """The provider serves its version and the whole schema, so all resources can be imported."""
    with grpc.insecure_channel(f"127.0.0.1:{provider.port}") as channel:  # type: ignore[no-untyped-call]  # grpc has no types
        stub = provider_pb2_grpc.ResourceProviderStub(channel)
        version = stub.GetPluginInfo(empty_pb2.Empty()).version
        schema = json.loads(stub.GetSchema(provider_pb2.GetSchemaRequest()).schema)

    assert version == kzero_scim.__version__
    assert set(schema["resources"]) == set(KZERO.resources)
    assert set(schema["functions"]) == set(KZERO.functions)


@pytest.mark.parametrize("command", [(EXECUTABLE,), (sys.executable, EXECUTABLE.parent)], ids=["executable", "folder"])
def test_the_projects_own_environment_is_preferred(tmp_path: Path, command: tuple[str | Path, ...]) -> None:
    """Another active environment is not used, whether the engine runs the file or a language host the folder."""
    packages = tmp_path / "other" / "lib" / "python3.11" / "site-packages"
    for name in ("pulumi", "httpx"):
        (packages / name).mkdir(parents=True)
    python = tmp_path / "other" / "bin" / "python"
    python.parent.mkdir()
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    environment = {"PATH": "/usr/bin:/bin", "VIRTUAL_ENV": str(tmp_path / "other")}

    started = Process(tmp_path, environment, *command)
    started.process.send_signal(signal.SIGTERM)

    assert started.end() == (0, "")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_when_told_to(provider: Process, number: signal.Signals) -> None:
    """The provider stops at once when the engine interrupts it."""
    provider.process.send_signal(number)

    assert provider.end() == (0, "")


def test_it_ends_with_the_engine(provider: Process) -> None:
    """The provider stops when the engine dies and closes the pipe."""
    assert provider.process.stdin is not None

    provider.process.stdin.close()
    provider.process.stdin = None

    assert provider.end() == (0, "")


def test_standard_input_that_is_closed_from_the_start_is_no_end(tmp_path: Path) -> None:
    """The provider keeps running if a language host starts it without standard input."""
    started = subprocess.Popen(
        [sys.executable, "-m", "kzero_scim.provider", "127.0.0.1:1"],
        cwd=tmp_path,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert started.stdout is not None
    try:
        port = int(started.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:  # type: ignore[no-untyped-call]  # grpc has no types
            answer = provider_pb2_grpc.ResourceProviderStub(channel).GetPluginInfo(empty_pb2.Empty())
    finally:
        started.terminate()
        started.communicate(timeout=10)

    assert answer.version == kzero_scim.__version__
    assert started.returncode == 0


def test_without_an_environment_the_error_is_one_line(tmp_path: Path) -> None:
    """Without an environment, one line names the places searched and the remedy."""
    checkout = tmp_path / "checkout"
    (checkout / "provider").mkdir(parents=True)
    copy = checkout / "provider" / EXECUTABLE.name
    copy.write_bytes(EXECUTABLE.read_bytes())
    copy.chmod(0o755)
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "dirname", "readlink"):
        (tools / name).symlink_to(next(path for path in _places(name) if path.exists()))

    ended = subprocess.run([copy], env={"PATH": str(tools)}, capture_output=True, text=True, check=False, timeout=10)

    assert ended.returncode == 1
    places = f"{checkout.resolve()}/.venv, VIRTUAL_ENV or PATH; run 'make setup' in {checkout.resolve()}"
    assert ended.stderr.splitlines() == [
        f"pulumi-resource-kzero: found no Python 3.11+ with this project's packages in {places}"
    ]


def _places(name: str) -> Iterator[Path]:
    for folder in os.environ["PATH"].split(os.pathsep):
        yield Path(folder) / name
