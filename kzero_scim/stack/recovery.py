"""What an interrupted run leaves in Pulumi's hands, put right: its lock, operations that it never ended, a torn file.

Nothing is asked of a service and no resource is forgotten: `pulumi up` finds by itself what exists already.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kzero_scim.errors import SettingsError
from kzero_scim.settings.confirmations import how_to_confirm, is_confirmed
from kzero_scim.stack.lock import Lock, backend_folder, locks
from kzero_scim.stack.stack import project_name, run_pulumi, short_name
from kzero_scim.stack.truncated_state import repair

_UNLOCK = "unlock"


def recover(stack: str, project: Path) -> list[str]:
    """Free a stack after a run that was killed.

    Args:
        stack: The stack's name.
        project: The folder of Pulumi.yaml.

    Returns:
        What was done, a line each; empty if nothing was to do.

    Raises:
        SettingsError: A run still goes on, or may do so on another machine; or the state cannot be read.
    """
    done: list[str] = []
    folder = backend_folder(project)
    if folder is not None:
        name = project_name(project)
        done += _free(stack, project, locks(folder, name, stack))
        done += repair(stack, folder / ".pulumi" / "stacks" / name / f"{short_name(stack)}.json")
    return done + _forget_pending(stack, project)


def _free(stack: str, project: Path, found: Sequence[Lock]) -> list[str]:
    if not found:
        return []
    for lock in found:
        _check(stack, lock)
    run_pulumi(project, "cancel", "--yes", "--stack", stack)
    return [f"freed the lock of a run that is gone: {lock.words}" for lock in found]


def _check(stack: str, lock: Lock) -> None:
    if lock.holder == "dead":
        return
    if lock.holder == "alive":
        message = (
            f"stack {stack} is locked by a run that goes on: {lock.words}; wait until it has ended, or stop it with "
            f"`kill -INT {lock.pid}` and run this again"
        )
        raise SettingsError(message)
    what = f"{lock.host}:{lock.pid}"
    if not is_confirmed(_UNLOCK, what):
        message = (
            f"stack {stack} is locked by a run on another machine: {lock.words}; look there whether it has ended; "
            f"{how_to_confirm(_UNLOCK, what)}"
        )
        raise SettingsError(message)


def _forget_pending(stack: str, project: Path) -> list[str]:
    text = run_pulumi(project, "stack", "export", "--stack", stack)
    deployment = json.loads(text).get("deployment") or {}
    pending: list[dict[str, Any]] = deployment.get("pending_operations") or []
    if not pending:
        return []
    # An import drops pending operations, and keeps all else; secrets in it stay encrypted.
    run_pulumi(project, "stack", "import", "--stack", stack, standard_input=text)
    return [f"forgot that the run was interrupted while {_described(operation)}" for operation in pending]


def _described(operation: dict[str, Any]) -> str:
    resource = operation.get("resource") or {}
    return f"{operation.get('type')} {resource.get('type')} {str(resource.get('urn')).rsplit('::', 1)[-1]}"
