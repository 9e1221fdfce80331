"""Reads the lock files of Pulumi's file backend and finds out whether their runs are still running. Knows no service.

Follows `pkg/backend/diy/lock.go` of Pulumi. Other backends do not show their locks; Pulumi's own message names them.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from kzero_scim.regular_file import read_regular
from kzero_scim.stack.backend import folder_of
from kzero_scim.stack.stack import run_pulumi, short_name

_PROC: Final = Path("/proc")
_LARGEST: Final = 64 * 1024
"""Bytes of a lock file; Pulumi writes some hundred."""
_HIGHEST_PID: Final = 2**31 - 1


@dataclass(frozen=True, kw_only=True)
class Lock:
    """One lock of a stack.

    Attributes:
        user: The user who started the run.
        host: The machine of the run.
        pid: The run's process ID.
        since: When it started, as Pulumi wrote it.
        holder: Whether the run is alive, dead, or on another machine, so that its state is unknown.
        file: The lock file.
        content: What was read from it.
    """

    user: str
    host: str
    pid: int
    since: str
    holder: Literal["alive", "dead", "elsewhere"]
    file: Path
    content: bytes = b""

    @property
    def words(self) -> str:
        """The run in words: user, machine, process and start."""
        return f"{self.user}@{self.host}, process {self.pid}, since {self.since}"

    def release(self) -> bool:
        """Remove the lock file if it is still the one that was read. Return whether it was.

        Raises:
            OSError: The file cannot be removed.
        """
        try:
            if read_regular(self.file, _LARGEST) != self.content:
                return False
            self.file.unlink()
        except FileNotFoundError:
            return False
        return True


def backend_folder(project: Path) -> Path | None:
    """Return the folder of a file backend, or None for another backend.

    Raises:
        SettingsError: The Pulumi CLI failed.
    """
    url = str(json.loads(run_pulumi(project, "whoami", "--verbose", "--json"))["url"])
    return folder_of(url, project)


def stacks_with_locks(folder: Path, project: str) -> set[str]:
    """Return the names of a project's stacks that may have locks, from the folder of the file backend."""
    return {place.name for place in (folder / ".pulumi" / "locks" / "organization" / project).glob("*")}


def locks(folder: Path, project: str, stack: str) -> list[Lock]:
    """Return the locks of a stack.

    Args:
        folder: The folder of the file backend.
        project: The project's name.
        stack: The stack's name, with or without organisation and project.
    """
    found = []
    for file in sorted((folder / ".pulumi" / "locks" / "organization" / project / short_name(stack)).glob("*.json")):
        content: dict[str, object] = {}
        text = b""
        # A lock that disappears meanwhile was released.
        with contextlib.suppress(OSError, ValueError, RecursionError):
            text = read_regular(file, _LARGEST)
            read = json.loads(text)
            content = read if isinstance(read, dict) else {}
        pid = content.get("pid")
        host = str(content.get("hostname") or "an unknown machine")
        number = pid if isinstance(pid, int) and pid <= _HIGHEST_PID else 0
        found.append(
            Lock(
                user=str(content.get("username") or "unknown user"),
                host=host,
                pid=number,
                since=str(content.get("timestamp") or "an unknown time"),
                holder=_holder(host, number),
                file=file,
                content=text,
            )
        )
    return found


def _holder(host: str, pid: int) -> Literal["alive", "dead", "elsewhere"]:
    if host != socket.gethostname() or pid <= 0:
        return "elsewhere"
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return "dead"
    except PermissionError:
        return "alive"
    # Another program may have the ID by now.
    with contextlib.suppress(OSError):
        return "alive" if "pulumi" in (_PROC / str(pid) / "comm").read_text() else "dead"
    return "alive"
