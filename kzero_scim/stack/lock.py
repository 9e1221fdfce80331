"""Who holds a stack: the lock files of Pulumi's file backend, and whether the run that made them still goes on.

Follows `pkg/backend/diy/lock.go` of Pulumi. Other backends do not show their locks; there Pulumi's own message tells.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from kzero_scim.stack.backend import folder_of
from kzero_scim.stack.stack import run_pulumi, short_name

_PROC: Final = Path("/proc")


@dataclass(frozen=True, kw_only=True)
class Lock:
    """One lock of a stack.

    Attributes:
        user: Who started the run.
        host: On which machine.
        pid: Its process id there.
        since: When, as Pulumi wrote it.
        holder: What became of the run: it goes on, it is dead, or it cannot be known from here.
    """

    user: str
    host: str
    pid: int
    since: str
    holder: Literal["alive", "dead", "elsewhere"]

    @property
    def words(self) -> str:
        """Name the run."""
        return f"{self.user}@{self.host}, process {self.pid}, since {self.since}"


def backend_folder(project: Path) -> Path | None:
    """Give the folder of a file backend; None if the stack's state is kept elsewhere.

    Raises:
        SettingsError: Pulumi does not tell.
    """
    url = str(json.loads(run_pulumi(project, "whoami", "--verbose", "--json"))["url"])
    return folder_of(url, project)


def locks(folder: Path, project: str, stack: str) -> list[Lock]:
    """Read the locks of a stack.

    Args:
        folder: The folder of the file backend.
        project: The project's name.
        stack: The stack's name, with or without organisation and project.
    """
    found = []
    for file in sorted((folder / ".pulumi" / "locks" / "organization" / project / short_name(stack)).glob("*.json")):
        content: dict[str, object] = {}
        # One that vanishes meanwhile was given back.
        with contextlib.suppress(OSError, ValueError):
            read = json.loads(file.read_text(encoding="utf-8"))
            content = read if isinstance(read, dict) else {}
        pid = content.get("pid")
        host = str(content.get("hostname") or "an unknown machine")
        number = pid if isinstance(pid, int) else 0
        found.append(
            Lock(
                user=str(content.get("username") or "somebody"),
                host=host,
                pid=number,
                since=str(content.get("timestamp") or "an unknown time"),
                holder=_holder(host, number),
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
    # The id may have gone to another program since.
    with contextlib.suppress(OSError):
        return "alive" if "pulumi" in (_PROC / str(pid) / "comm").read_text() else "dead"
    return "alive"
