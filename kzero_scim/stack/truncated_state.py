"""A state file that a full disk cut off, made whole again: Pulumi itself goes on with what it could write.

Only for states in files. What is lost is at most the last resources of the list, which `pulumi up` finds again.
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
    """Make a state readable again.

    Args:
        stack: The stack's name.
        state: Its state file.

    Returns:
        What was done, a line each; empty if it is whole, or if there is none.

    Raises:
        SettingsError: It is cut off before its first resource, and no whole copy is left.
    """
    done = _drop_torn_note(state.with_name(f"{state.name}.attrs"))
    if not state.exists() or _is_whole(state):
        return done
    torn = state.with_name(f"{state.name}.torn")
    shutil.copy2(state, torn)
    kept = f"the one that was cut off is kept as {torn}"
    for copy in (state.with_name(f"{state.name}.bak"), *_backups(state)):
        if _is_whole(copy):
            _replace(state, copy.read_text(encoding="utf-8"))
            return [*done, f"restored the last whole state, from {copy}; {kept}"]
    document = recover_resources(torn.read_text(encoding="utf-8", errors="replace"))
    if document is None:
        message = (
            f"the state of stack {stack} is cut off before its first resource, and no whole copy is left; "
            f"remove {state}, run `pulumi stack init {stack}`, and take the tenant over with `kzero-scim adopt {stack}`"
        )
        raise SettingsError(message)
    _replace(state, json.dumps(document, indent=4))
    count = len(document["checkpoint"]["latest"]["resources"])
    return [*done, f"kept the {count} resources before the place where the state was cut off; {kept}"]


def recover_resources(text: str) -> dict[str, Any] | None:
    """Read as much of a checkpoint as is whole: its head, and its resources up to the cut.

    A resource refers only to those before it, so that the first of them are a state of their own.

    Args:
        text: A checkpoint of version 3 (`apitype.VersionedCheckpoint`) whose end is missing.

    Returns:
        The checkpoint; None if not even its head is whole.
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
    """Remove what Pulumi notes beside its state file, where that was cut off; it holds nothing but the file's type."""
    with contextlib.suppress(FileNotFoundError):
        try:
            json.loads(attributes.read_text(encoding="utf-8"))
        except ValueError:
            attributes.unlink()
            return [f"removed a note of Pulumi's that was cut off, so that the state can be read again: {attributes}"]
    return []


def _backups(state: Path) -> list[Path]:
    """Give Pulumi's backups of a state, the newest first."""
    folder = state.parents[2] / "backups" / state.parent.name / state.stem
    return sorted(folder.glob("*.json"), key=lambda file: file.stat().st_mtime, reverse=True)


def _replace(state: Path, text: str) -> None:
    draft = state.with_name(f"{state.name}.new")
    draft.write_text(text, encoding="utf-8")
    draft.replace(state)
    # It describes the file that was cut off; Pulumi needs none.
    state.with_name(f"{state.name}.attrs").unlink(missing_ok=True)


def _is_whole(file: Path) -> bool:
    with contextlib.suppress(OSError, ValueError):
        json.loads(file.read_text(encoding="utf-8"))
        return True
    return False
