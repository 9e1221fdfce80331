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
from kzero_scim.stack import lock, recovery, stack
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

    def __call__(self, project: Path, *arguments: str, standard_input: str | None = None) -> str:
        """Take the place of :func:`kzero_scim.stack.stack.run_pulumi`."""
        del project
        if arguments[0] == "whoami":
            return json.dumps({"user": "ann", "url": self.backend})
        if arguments[:2] == ("stack", "export"):
            return json.dumps({"version": 3, "deployment": self.deployment})
        if arguments[:2] == ("stack", "import"):
            assert standard_input is not None
            self.imported.append(json.loads(standard_input))
        return ""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a project's folder, which is also its backend."""
    (tmp_path / "Pulumi.yaml").write_text(f"name: {PROJECT}\n")
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / f"Pulumi.{STACK}.yaml").write_text("config: {}\n")
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


def lock_files(folder: Path) -> list[Path]:
    """Return the lock files of the stack."""
    return sorted((folder / ".pulumi" / "locks").rglob("*.json"))


def ended_process() -> int:
    """Return the ID of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_a_stack_without_a_lock_needs_nothing(folder: Path, pulumi: Pulumi) -> None:
    """Without a lock nothing is done."""
    assert recovery.recover(STACK, folder) == []
    assert pulumi.imported == []


@pytest.mark.usefixtures("pulumi")
def test_the_lock_of_a_dead_run_is_freed(folder: Path) -> None:
    """The lock of a dead run is removed, and the line names its owner."""
    pid = ended_process()
    write_lock(folder, pid)

    [line] = recovery.recover(STACK, folder)

    assert f"ann@{socket.gethostname()}, process {pid}, since 2026-11-24T11:00Z" in line
    assert lock_files(folder) == []


@pytest.mark.usefixtures("pulumi")
def test_a_stack_named_with_its_organisation_is_the_same_stack(folder: Path) -> None:
    """A stack's full name works too; lock files have only its last part."""
    write_lock(folder, ended_process())

    assert len(recovery.recover(f"organization/{PROJECT}/{STACK}", folder)) == 1
    assert lock_files(folder) == []


@pytest.mark.usefixtures("pulumi")
def test_the_lock_of_a_running_run_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock of a running run stays; the error names the run and how to stop it."""
    write_lock(folder, os.getpid())
    (folder / "proc" / str(os.getpid())).mkdir(parents=True)
    (folder / "proc" / str(os.getpid()) / "comm").write_text("pulumi\n")
    monkeypatch.setattr(lock, "_PROC", folder / "proc")

    with pytest.raises(SettingsError, match=rf"locked by a run that is still running: ann@.*kill -INT {os.getpid()}"):
        recovery.recover(STACK, folder)

    assert lock_files(folder)


@pytest.mark.parametrize("same_file", [True, False])
def test_a_lock_that_was_made_meanwhile_stays(
    folder: Path, pulumi: Pulumi, monkeypatch: pytest.MonkeyPatch, *, same_file: bool
) -> None:
    """A run that locks the stack after the examination keeps its lock, and nothing is repaired under it."""
    write_lock(folder, ended_process())
    state = torn_state(folder, "{}")
    torn = state.read_text()
    [examined] = lock_files(folder)
    new = examined if same_file else examined.with_name("9f00.json")
    read = lock.locks

    def locks(*arguments: object) -> list[lock.Lock]:
        found = read(*arguments)  # type: ignore[arg-type]
        new.write_text(json.dumps({"pid": os.getpid(), "username": "bob", "hostname": socket.gethostname()}))
        return found

    monkeypatch.setattr(recovery, "locks", locks)
    pulumi.deployment["pending_operations"] = [{"type": "creating", "resource": {}}]

    with pytest.raises(SettingsError, match="another run locked stack contoso in the meantime: bob@"):
        recovery.recover(STACK, folder)

    assert lock_files(folder) == [new]
    assert "bob" in new.read_text()
    assert state.read_text() == torn
    assert pulumi.imported == []


@pytest.mark.usefixtures("pulumi")
def test_a_lock_that_its_run_released_is_no_repair(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lock that is gone when it should be removed was released by its run."""
    write_lock(folder, ended_process())
    read = lock.locks

    def locks(*arguments: object) -> list[lock.Lock]:
        found = read(*arguments)  # type: ignore[arg-type]
        for file in lock_files(folder):
            file.unlink()
        return found

    monkeypatch.setattr(recovery, "locks", locks)

    assert recovery.recover(STACK, folder) == []


@pytest.mark.usefixtures("pulumi")
@pytest.mark.parametrize("content", [b"", b"[]", b'{"pid": 1e999}', b'{"pid": %d}' % 10**30, b"[" * 100_000, b"\xff"])
def test_a_lock_of_any_content_needs_a_confirmation(folder: Path, content: bytes) -> None:
    """A lock that says nothing of its run may be of a run that is still running."""
    write_lock(folder, 1)
    [file] = lock_files(folder)
    file.write_bytes(content)

    with pytest.raises(SettingsError, match="on another machine"):
        recovery.recover(STACK, folder)

    assert file.exists()


@pytest.mark.usefixtures("pulumi")
@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "the tenant's name is blank"),
        (" \t", "the tenant's name is blank"),
        ("contso", 'no tenant is named "contso"; did you mean "contoso"?'),
        ("Contoso", 'no tenant is named "Contoso"; did you mean "contoso"?'),
        (" contoso", 'no tenant is named " contoso"; did you mean "contoso"?'),
        ("organization/kzero-scim/", 'no tenant is named "organization/kzero-scim/"; `kzero-scim fleet list`'),
        ("--yes", 'no tenant is named "--yes"'),
        ("nowhere", 'no tenant is named "nowhere"; `kzero-scim fleet list` shows all names'),
    ],
)
def test_a_name_that_no_stack_has_is_refused_before_anything_is_asked(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, reason: str
) -> None:
    """Pulumi would take an empty name for the stack that was selected last."""
    asked: list[tuple[str, ...]] = []

    def run(_: Path, *arguments: str, **__: object) -> str:
        asked.append(arguments)
        return json.dumps([{"name": f"organization/{PROJECT}/{STACK}"}])

    for module in (recovery, lock, stack):
        monkeypatch.setattr(module, "run_pulumi", run)

    for command in (lambda: recovery.recover(name, folder), lambda: stack.Stack.load(name, folder)):
        with pytest.raises(SettingsError) as caught:
            command()
        assert str(caught.value).startswith(reason)

    assert {words[:2] for words in asked} <= {("stack", "ls")}


@pytest.mark.usefixtures("pulumi")
def test_a_stack_without_a_file_is_known(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack whose file is gone can still be unlocked."""
    monkeypatch.setattr(stack, "run_pulumi", lambda *_: json.dumps([{"name": "gone"}]))

    assert recovery.recover("gone", folder) == []


@pytest.mark.usefixtures("pulumi")
def test_a_process_id_of_another_program_is_a_dead_run(folder: Path) -> None:
    """A process ID that another program reuses counts as a dead run."""
    write_lock(folder, os.getpid())

    assert len(recovery.recover(STACK, folder)) == 1
    assert lock_files(folder) == []


@pytest.mark.usefixtures("pulumi")
def test_the_lock_of_another_machine_needs_a_confirmation(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock of another machine is removed only after a confirmation for exactly that run."""
    write_lock(folder, 4711, "build-7")
    monkeypatch.setenv(VARIABLE, "unlock=build-7:1")
    with pytest.raises(SettingsError, match=r"on another machine: ann@build-7.*KZERO_SCIM_CONFIRM=unlock=build-7:4711"):
        recovery.recover(STACK, folder)
    assert lock_files(folder)

    monkeypatch.setenv(VARIABLE, "unlock=build-7:4711")
    recovery.recover(STACK, folder)

    assert lock_files(folder) == []


def test_pending_operations_are_removed_and_the_rest_is_kept(folder: Path, pulumi: Pulumi) -> None:
    """Pending operations are removed, and the rest of the state is imported unchanged."""
    resource = {"type": "kzero:entra:SynchronizationJob", "urn": "urn:pulumi:contoso::kzero-scim::x::tenant"}
    pulumi.deployment["pending_operations"] = [{"type": "creating", "resource": resource}]

    done = recovery.recover(STACK, folder)

    assert done == [
        "removed the pending operation of the interrupted run: creating kzero:entra:SynchronizationJob tenant"
    ]
    assert [document["deployment"] for document in pulumi.imported] == [pulumi.deployment]


@pytest.mark.usefixtures("pulumi")
@pytest.mark.parametrize(("content", "is_torn"), [("", True), ('{"user.content', True), ("{}", False)])
def test_a_torn_note_beside_the_state_is_removed(folder: Path, content: str, *, is_torn: bool) -> None:
    """A truncated file of attributes is deleted, because it makes the state unreadable."""
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
    assert lock_files(folder)


def torn_state(folder: Path, copy: str) -> Path:
    """Write a truncated state and a copy next to it."""
    state = folder / ".pulumi" / "stacks" / PROJECT / f"{STACK}.json"
    state.parent.mkdir(parents=True)
    state.write_text('{"version": 3, "checkpoint": {"sta')
    state.with_name(f"{state.name}.attrs").write_text('{"md5": "of the torn one"}')
    state.with_name(f"{state.name}.bak").write_text(copy)
    state.with_name(f"{state.name}.bak.attrs").write_text('{"md5": "of the copy"}')
    return state


@pytest.mark.usefixtures("pulumi")
def test_a_state_that_a_full_disk_cut_off_is_restored_from_the_copy(folder: Path) -> None:
    """A truncated state is restored from the complete copy, and is itself kept."""
    state = torn_state(folder, '{"version": 3}')

    [line] = recovery.recover(STACK, folder)

    assert line.startswith("restored the last complete state")
    assert json.loads(state.read_text()) == {"version": 3}
    assert state.with_name(f"{state.name}.torn").read_text().endswith('"sta')
    assert recovery.recover(STACK, folder) == []


@pytest.mark.usefixtures("pulumi")
def test_the_newest_whole_backup_serves_where_the_copy_is_cut_off_too(folder: Path) -> None:
    """If the copy is truncated too, the newest complete backup is restored."""
    state = torn_state(folder, "{")
    backups = folder / ".pulumi" / "backups" / PROJECT / STACK
    backups.mkdir(parents=True)
    for moment, content in enumerate(('{"version": 1}', '{"version": 2}', "{")):
        backup = backups / f"{STACK}.{moment}.json"
        backup.write_text(content)
        os.utime(backup, (moment, moment))

    recovery.recover(STACK, folder)

    assert json.loads(state.read_text()) == {"version": 2}


@pytest.mark.usefixtures("pulumi")
def test_without_any_whole_copy_the_resources_before_the_cut_are_kept(folder: Path) -> None:
    """Without a complete copy, the resources before the cut stay in the state."""
    state = torn_state(folder, "{")
    state.write_text(checkpoint(["a", "b", "c"])[:-40])

    [line] = recovery.recover(STACK, folder)

    assert line.startswith("kept the 2 resources before the place")
    assert json.loads(state.read_text()) == json.loads(checkpoint(["a", "b"]))
    assert recovery.recover(STACK, folder) == []


@pytest.mark.usefixtures("pulumi")
def test_a_state_without_a_head_is_left_as_it_is(folder: Path) -> None:
    """A state without a complete head stays unchanged, and the error says what to do."""
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
