"""Repairs what an interrupted run left: processes, lock, pending operations, truncated state. Knows no service.

Removes no resource from the state: `pulumi up` finds the objects that exist already.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kzero_scim.errors import SettingsError
from kzero_scim.settings.confirmations import how_to_confirm, is_confirmed
from kzero_scim.stack.lock import Lock, backend_folder, locks, stacks_with_locks
from kzero_scim.stack.orphans import end_orphans
from kzero_scim.stack.stack import project_name, require_known, run_pulumi, short_name
from kzero_scim.stack.truncated_state import repair

_UNLOCK = "unlock"


def recover(stack: str, project: Path) -> list[str]:
    """Unlock and repair a stack after a killed run.

    Args:
        stack: The stack's name.
        project: The folder of Pulumi.yaml.

    Returns:
        One line per repair; empty if nothing had to be done.

    Raises:
        SettingsError: A run is still running, or may be on another machine, or the state cannot be read.
    """
    require_known(stack, project)
    done: list[str] = []
    folder, name = backend_folder(project), project_name(project)
    found = [] if folder is None else locks(folder, name, stack)
    for lock in found:
        _check(stack, lock)
    is_only = folder is not None and not any(
        lock.holder == "dead"
        for other in stacks_with_locks(folder, name) - {short_name(stack)}
        for lock in locks(folder, name, other)
    )
    done += end_orphans(project, short_name(stack), is_only=is_only)
    if folder is not None:
        done += _free(stack, found)
        _check_unlocked(stack, locks(folder, name, stack))
        done += repair(stack, folder / ".pulumi" / "stacks" / name / f"{short_name(stack)}.json")
    return done + _forget_pending(stack, project)


def _free(stack: str, found: Sequence[Lock]) -> list[str]:
    """Remove exactly these locks. `pulumi cancel` would also remove one that a run has made since."""
    try:
        removed = [lock for lock in found if lock.release()]
    except OSError as error:
        message = (
            f"cannot remove the lock of stack {stack}: {error.strerror} ({error.filename}); check "
            f"the file's permissions"
        )
        raise SettingsError(message) from None
    return [f"removed the lock of a run that no longer exists: {lock.words}" for lock in removed]


def _check_unlocked(stack: str, found: Sequence[Lock]) -> None:
    if found:
        message = (
            f"another run locked stack {stack} in the meantime: {found[0].words}. Its lock stays, and nothing was "
            "repaired; wait until that run ends, then run this again"
        )
        raise SettingsError(message)


def _check(stack: str, lock: Lock) -> None:
    if lock.holder == "dead":
        return
    if lock.holder == "alive":
        message = (
            f"stack {stack} is locked by a run that is still running: {lock.words}; wait until it ends, or stop it "
            f"with `kill -INT {lock.pid}`, then run this again"
        )
        raise SettingsError(message)
    what = f"{lock.host}:{lock.pid}"
    if not is_confirmed(_UNLOCK, what):
        message = (
            f"stack {stack} is locked by a run on another machine: {lock.words}; check there that it has ended; "
            f"{how_to_confirm(_UNLOCK, what)}"
        )
        raise SettingsError(message)


def _forget_pending(stack: str, project: Path) -> list[str]:
    text = run_pulumi(project, "stack", "export", "--stack", stack)
    deployment = json.loads(text).get("deployment") or {}
    pending: list[dict[str, Any]] = deployment.get("pending_operations") or []
    if not pending:
        return []
    # An import drops pending operations and keeps everything else. Secrets in it stay encrypted.
    run_pulumi(project, "stack", "import", "--stack", stack, standard_input=text)
    return [f"removed the pending operation of the interrupted run: {_described(operation)}" for operation in pending]


def _described(operation: dict[str, Any]) -> str:
    resource = operation.get("resource") or {}
    return f"{operation.get('type')} {resource.get('type')} {str(resource.get('urn')).rsplit('::', 1)[-1]}"
