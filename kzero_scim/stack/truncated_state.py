"""Repairs a state file that a full disk truncated: Pulumi would continue with the truncated file. Knows no service.

Only for states in files. At most the last resources of the list are lost; `pulumi up` finds them again.
"""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from pathlib import Path
from typing import Any, Final

from kzero_scim.errors import SettingsError

_RESOURCES: Final = re.compile(r'"resources"\s*:\s*\[')
_BETWEEN: Final = re.compile(r"[\s,]*")


def repair(stack: str, state: Path) -> list[str]:
    """Repair a truncated state file.

    Args:
        stack: The stack's name.
        state: Its state file.

    Returns:
        One line per repair; empty if the state is complete or does not exist.

    Raises:
        SettingsError: It is truncated before its first resource, and no complete copy exists.
    """
    done = _drop_torn_note(state.with_name(f"{state.name}.attrs"))
    if not state.exists() or _is_whole(state):
        return done
    torn = state.with_name(f"{state.name}.torn")
    shutil.copy2(state, torn)
    kept = f"the truncated file is kept as {torn}"
    for copy in (state.with_name(f"{state.name}.bak"), *_backups(state)):
        if _is_whole(copy):
            _replace(state, copy.read_text(encoding="utf-8"))
            return [*done, f"restored the last complete state from {copy}; {kept}"]
    document = recover_resources(torn.read_text(encoding="utf-8", errors="replace"))
    if document is None:
        message = (
            f"the state of stack {stack} is truncated before its first resource, and no complete copy exists; "
            f"delete {state}, run `pulumi stack init {stack}`, then import the tenant with `kzero-scim adopt {stack}`"
        )
        raise SettingsError(message)
    _replace(state, json.dumps(document, indent=4))
    count = len(document["checkpoint"]["latest"]["resources"])
    return [*done, f"kept the {count} resources before the place where the state was truncated; {kept}"]


def recover_resources(text: str) -> dict[str, Any] | None:
    """Return the complete part of a truncated checkpoint: its head, and its resources up to the cut.

    A resource refers only to earlier ones, so the first resources are a valid state.

    Args:
        text: A checkpoint of version 3 (`apitype.VersionedCheckpoint`) whose end is missing.

    Returns:
        The checkpoint, or None if its head is incomplete.
    """
    found = _RESOURCES.search(text)
    if found is None:
        return None
    try:
        document: dict[str, Any] = json.loads(f"{text[: found.end()]}]}}}}}}")
        latest = document["checkpoint"]["latest"]
    except (ValueError, KeyError, TypeError):
        return None
    decoder, place = json.JSONDecoder(), found.end()
    resources: list[Any] = []
    with contextlib.suppress(ValueError):
        while True:
            blank = _BETWEEN.match(text, place)
            entry, place = decoder.raw_decode(text, blank.end() if blank else place)
            resources.append(entry)
    latest["resources"] = resources
    return document


def _drop_torn_note(attributes: Path) -> list[str]:
    """Delete the file of attributes next to a state file if it is truncated. It contains only the state file's type."""
    with contextlib.suppress(FileNotFoundError):
        try:
            json.loads(attributes.read_text(encoding="utf-8"))
        except ValueError:
            attributes.unlink()
            return [f"deleted a truncated file of attributes, so that Pulumi can read the state again: {attributes}"]
    return []


def _backups(state: Path) -> list[Path]:
    """Return Pulumi's backups of a state, newest first."""
    folder = state.parents[2] / "backups" / state.parent.name / state.stem
    return sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime, reverse=True)


def _replace(state: Path, text: str) -> None:
    draft = state.with_name(f"{state.name}.new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(state)
    # It describes the truncated file. Pulumi does not need it.
    state.with_name(f"{state.name}.attrs").unlink(missing_ok=True)


def _is_whole(file: Path) -> bool:
    with contextlib.suppress(OSError, ValueError):
        json.loads(file.read_text(encoding="utf-8"))
        return True
    return False
