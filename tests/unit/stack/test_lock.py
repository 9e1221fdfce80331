"""Locks and their removal, with files as Pulumi's file backend writes them. Runs without Pulumi."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.errors import SettingsError
from kzero_scim.settings.confirmations import VARIABLE
from kzero_scim.stack import lock, recovery
from kzero_scim.stack.truncated_state import recover_resources

STACK = "contoso"
PROJECT = "kzero-scim"


class Pulumi:
    """Answers like the Pulumi CLI and records its commands."""

    def __init__(self, backend: str) -> None:
        """Use the backend at an address."""
        self.backend = backend
        self.deployment: dict[str, Any] = {"resources": []}
        self.imported: list[dict[str, Any]] = []
        self.cancelled = 0

    def __call__(self, project: Path, *arguments: str, standard_input: str | None = None) -> str:
        """Take the place of :func:`kzero_scim.stack.stack.run_pulumi`."""
        del project
        if arguments[0] == "whoami":
            return json.dumps({"user": "ann", "url": self.backend})
        if arguments[0] == "cancel":
            self.cancelled += 1
        elif arguments[:2] == ("stack", "export"):
            return json.dumps({"version": 3, "deployment": self.deployment})
        elif arguments[:2] == ("stack", "import"):
            assert standard_input is not None
            self.imported.append(json.loads(standard_input))
        return ""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a project's folder, which is also its backend."""
    (tmp_path / "Pulumi.yaml").write_text(f"name: {PROJECT}\n")
    return tmp_path


@pytest.fixture
def pulumi(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Pulumi:
    """Return a Pulumi CLI with a file backend."""
    made = Pulumi(folder.as_uri())
    for module in (recovery, lock):
        monkeypatch.setattr(module, "run_pulumi", made)
    monkeypatch.delenv(VARIABLE, raising=False)
    return made


def write_lock(folder: Path, pid: int, host: str | None = None) -> None:
    """Write a lock as `pkg/backend/diy/lock.go` does."""
    place = folder / ".pulumi" / "locks" / "organization" / PROJECT / STACK
    place.mkdir(parents=True, exist_ok=True)
    content = {
        "pid": pid,
        "username": "ann",
        "hostname": host or socket.gethostname(),
        "timestamp": "2026-11-24T11:00Z",
    }
    (place / "0c6d.json").write_text(json.dumps(content))


def ended_process() -> int:
    """Return the ID of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_a_stack_without_a_lock_needs_nothing(folder: Path, pulumi: Pulumi) -> None:
    """Without a lock nothing is done."""
    assert recovery.recover(STACK, folder) == []
    assert (pulumi.cancelled, pulumi.imported) == (0, [])


def test_the_lock_of_a_dead_run_is_freed(folder: Path, pulumi: Pulumi) -> None:
    """The lock of a dead run is removed, and the line names its owner."""
    pid = ended_process()
    write_lock(folder, pid)

    [line] = recovery.recover(STACK, folder)

    assert f"ann@{socket.gethostname()}, process {pid}, since 2026-11-24T11:00Z" in line
    assert pulumi.cancelled == 1


def test_a_stack_named_with_its_organisation_is_the_same_stack(folder: Path, pulumi: Pulumi) -> None:
    """A stack's full name works too; lock files have only its last part."""
    write_lock(folder, ended_process())

    assert len(recovery.recover(f"organization/{PROJECT}/{STACK}", folder)) == 1
    assert pulumi.cancelled == 1


def test_the_lock_of_a_running_run_stays(folder: Path, pulumi: Pulumi, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock of a running run stays; the error names the run and how to stop it."""
    write_lock(folder, os.getpid())
    (folder / "proc" / str(os.getpid())).mkdir(parents=True)
    (folder / "proc" / str(os.getpid()) / "comm").write_text("pulumi\n")
    monkeypatch.setattr(lock, "_PROC", folder / "proc")

    with pytest.raises(SettingsError, match=rf"locked by a run that is still running: ann@.*kill -INT {os.getpid()}"):
        recovery.recover(STACK, folder)

    assert pulumi.cancelled == 0


def test_a_process_id_of_another_program_is_a_dead_run(folder: Path, pulumi: Pulumi) -> None:
    """A process ID that another program reuses counts as a dead run."""
    write_lock(folder, os.getpid())

    assert len(recovery.recover(STACK, folder)) == 1
    assert pulumi.cancelled == 1


def test_the_lock_of_another_machine_needs_a_confirmation(
    folder: Path, pulumi: Pulumi, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lock of another machine is removed only after a confirmation for exactly that run."""
    write_lock(folder, 4711, "build-7")
    monkeypatch.setenv(VARIABLE, "unlock=build-7:1")
    with pytest.raises(SettingsError, match=r"on another machine: ann@build-7.*KZERO_SCIM_CONFIRM=unlock=build-7:4711"):
        recovery.recover(STACK, folder)
    assert pulumi.cancelled == 0

    monkeypatch.setenv(VARIABLE, "unlock=build-7:4711")
    recovery.recover(STACK, folder)

    assert pulumi.cancelled == 1


def test_pending_operations_are_removed_and_the_rest_is_kept(folder: Path, pulumi: Pulumi) -> None:
    """Pending operations are removed, and the rest of the state is imported unchanged."""
    resource = {"type": "kzero:entra:SynchronizationJob", "urn": "urn:pulumi:contoso::kzero-scim::x::tenant"}
    pulumi.deployment["pending_operations"] = [{"type": "creating", "resource": resource}]

    done = recovery.recover(STACK, folder)

    assert done == [
        "removed the pending operation of the interrupted run: creating kzero:entra:SynchronizationJob tenant"
    ]
    assert [document["deployment"] for document in pulumi.imported] == [pulumi.deployment]


@pytest.mark.parametrize(("content", "is_torn"), [("", True), ('{"user.content', True), ("{}", False)])
def test_a_truncated_attribute_file_is_removed(folder: Path, pulumi: Pulumi, content: str, *, is_torn: bool) -> None:
    """A truncated file of attributes is deleted, because it makes the state unreadable."""
    del pulumi
    note = folder / ".pulumi" / "stacks" / PROJECT / f"{STACK}.json.attrs"
    note.parent.mkdir(parents=True)
    note.write_text(content)

    done = recovery.recover(STACK, folder)

    assert (len(done), note.exists()) == (int(is_torn), not is_torn)


def test_locks_of_other_backends_are_not_read(folder: Path, pulumi: Pulumi) -> None:
    """With another backend, locks are not read but pending operations are removed."""
    pulumi.backend = "s3://states"
    write_lock(folder, ended_process())
    pulumi.deployment["pending_operations"] = [{"type": "creating", "resource": {}}]

    assert len(recovery.recover(STACK, folder)) == 1
    assert pulumi.cancelled == 0


def torn_state(folder: Path, copy: str) -> Path:
    """Write a truncated state and a copy next to it."""
    state = folder / ".pulumi" / "stacks" / PROJECT / f"{STACK}.json"
    state.parent.mkdir(parents=True)
    state.write_text('{"version": 3, "checkpoint": {"sta')
    state.with_name(f"{state.name}.attrs").write_text('{"md5": "of the torn one"}')
    state.with_name(f"{state.name}.bak").write_text(copy)
    state.with_name(f"{state.name}.bak.attrs").write_text('{"md5": "of the copy"}')
    return state


def test_a_truncated_state_is_restored_from_the_copy(folder: Path, pulumi: Pulumi) -> None:
    """A truncated state is restored from the complete copy, and is itself kept."""
    del pulumi
    state = torn_state(folder, '{"version": 3}')

    [line] = recovery.recover(STACK, folder)

    assert line.startswith("restored the last complete state")
    assert json.loads(state.read_text()) == {"version": 3}
    assert state.with_name(f"{state.name}.torn").read_text().endswith('"sta')
    assert recovery.recover(STACK, folder) == []


def test_the_newest_complete_backup_is_restored_if_the_copy_is_truncated(folder: Path, pulumi: Pulumi) -> None:
    """If the copy is truncated too, the newest complete backup is restored."""
    del pulumi
    state = torn_state(folder, "{")
    backups = folder / ".pulumi" / "backups" / PROJECT / STACK
    backups.mkdir(parents=True)
    for moment, content in enumerate(('{"version": 1}', '{"version": 2}', "{")):
        backup = backups / f"{STACK}.{moment}.json"
        backup.write_text(content)
        os.utime(backup, (moment, moment))

    recovery.recover(STACK, folder)

    assert json.loads(state.read_text()) == {"version": 2}


def test_without_a_complete_copy_the_resources_before_the_cut_are_kept(folder: Path, pulumi: Pulumi) -> None:
    """Without a complete copy, the resources before the cut stay in the state."""
    del pulumi
    state = torn_state(folder, "{")
    state.write_text(checkpoint(["a", "b", "c"])[:-40])

    [line] = recovery.recover(STACK, folder)

    assert line.startswith("kept the 2 resources before the place")
    assert json.loads(state.read_text()) == json.loads(checkpoint(["a", "b"]))
    assert recovery.recover(STACK, folder) == []


def test_a_state_without_a_head_stays_unchanged(folder: Path, pulumi: Pulumi) -> None:
    """A state without a complete head stays unchanged, and the error says what to do."""
    del pulumi
    state = torn_state(folder, "{")
    before = state.read_text()

    with pytest.raises(SettingsError, match=r"truncated before its first resource, .*kzero-scim adopt"):
        recovery.recover(STACK, folder)

    assert state.read_text() == before


def checkpoint(urns: list[str]) -> str:
    """Write a checkpoint as Pulumi writes it."""
    latest = {"manifest": {"time": "t"}, "secrets_providers": {"type": "passphrase"}}
    resources = [{"urn": urn, "inputs": {"braces": "]}{["}} for urn in urns]
    return json.dumps({"version": 3, "checkpoint": {"stack": STACK, "latest": {**latest, "resources": resources}}})


@given(st.lists(st.text(max_size=9), max_size=5), st.integers(min_value=0))
def test_a_cut_at_any_place_leaves_the_first_resources(urns: list[str], cut: int) -> None:
    """A cut at any place leaves nothing or the first resources."""
    text = checkpoint(urns)

    document = recover_resources(text[: cut % len(text)])

    if document is not None:
        kept = document["checkpoint"]["latest"].pop("resources")
        whole = json.loads(text)
        assert kept == whole["checkpoint"]["latest"].pop("resources")[: len(kept)]
        assert document == whole
