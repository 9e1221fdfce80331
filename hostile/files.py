"""Cases in which a file of the project is not what it should be: pipes, devices, links, bombs, other formats."""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from faults.cases import key
from hostile.cases import (
    CHECK,
    DRIFT,
    FLEET_DRIFT,
    FLEET_LIST,
    FLEET_MATRIX,
    FLEET_PREVIEW,
    PREVIEW,
    STATUS,
    SWEEP,
    Case,
)
from hostile.fleet import HOSTILE, Fleet

_LAUGHS: Final = "a0: &a0 lol\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12))
_ODD: Final[dict[str, Callable[[Path], None]]] = {
    "a pipe without a writer": os.mkfifo,
    "a link to /dev/zero": lambda place: place.symlink_to("/dev/zero"),
    "a link to /etc/passwd": lambda place: place.symlink_to("/etc/passwd"),
    "a link to nothing": lambda place: place.symlink_to("/nowhere/file"),
    "a link to itself": lambda place: place.symlink_to(place.name),
    "a folder": lambda place: place.mkdir(),
    "3 MB": lambda place: _write(place, b"config:\n" + b"  # nothing\n" * 250_000),
    "binary": lambda place: _write(place, bytes(range(256)) * 100),
    "empty": lambda place: _write(place, b""),
    "an alias bomb": lambda place: _write(place, (_LAUGHS + "config: {}\n").encode()),
    "a repeated key": lambda place: _write(place, b"config:\n  a:b: 1\n  a:b: 2\n"),
    "20,000 levels": lambda place: _write(place, b"config:\n  a:b: " + b"[" * 20_000),
    "100,000 values": lambda place: _write(place, b"config:\n  a:b: [" + b"1," * 100_000 + b"]\n"),
    "a Python tag": lambda place: _write(place, b"config:\n  a:b: !!python/object/apply:os.system [id]\n"),
    "a text instead of settings": lambda place: _write(place, b"config: x\n"),
}


def files() -> Iterable[Case]:
    """Return the cases."""
    sweeps = (FLEET_DRIFT, FLEET_LIST, FLEET_MATRIX)
    for what, make in _ODD.items():
        alone = (CHECK, DRIFT, STATUS) if "zero" not in what and "pipe" not in what else ()
        yield Case(
            key=key("stack-file", what),
            what=f"the stack file is {what}" if what[0].isalpha() else f"the stack file has {what}",
            commands=(*alone, *sweeps, FLEET_PREVIEW)
            if what in {"binary", "an alias bomb", "a repeated key"}
            else sweeps,
            arrange=_instead(make, lambda fleet: fleet.stack_file),
            codes={"fleet matrix": (0, 1), "fleet list": (0, 1, 2), "check": (1,)},
        )
    for what in ("a pipe without a writer", "a link to /dev/zero", "a link to /etc/passwd", "binary"):
        yield Case(
            key=key("users-file", what),
            what=f"the usersFile is {what}",
            commands=(PREVIEW, CHECK, FLEET_DRIFT),
            settings={"usersFile": "stacks/users.txt"},
            arrange=_instead(_ODD[what], lambda fleet: fleet.folder / "stacks" / "users.txt"),
            says=("usersFile",),
        )
    yield Case(
        key="users-file-large",
        what="the usersFile has 40 MB",
        commands=(PREVIEW, CHECK, FLEET_DRIFT),
        settings={"usersFile": "stacks/users.txt"},
        arrange=_instead(
            lambda place: _write(place, b"a@b.example\n" * 3_500_000),
            lambda fleet: fleet.folder / "stacks" / "users.txt",
        ),
        says=("usersFile",),
    )
    for what, make in (
        ("a pipe without a writer", os.mkfifo),
        ("binary", _ODD["binary"]),
        ("lists in lists", lambda place: _write(place, b"[" * 5_000_000)),
        (
            "10 million values",
            lambda place: _write(place, b'{"checkpoint":{"latest":{"resources":[' + b"0," * 10_000_000 + b"0]}}}"),
        ),
    ):
        yield Case(
            key=key("state", what),
            what=f"the tenant's state is {what}",
            commands=SWEEP,
            arrange=_instead(make, _state),
        )
    yield Case(
        key="state-bomb",
        what="the tenant's state has 1 GB after decompression",
        commands=SWEEP,
        arrange=_bomb,
    )


def _write(place: Path, content: bytes) -> None:
    place.write_bytes(content)


def _instead(make: Callable[[Path], object], place_of: Callable[[Fleet], Path]) -> Callable[[Fleet], None]:
    def arrange(fleet: Fleet) -> None:
        place = place_of(fleet)
        place.unlink(missing_ok=True)
        make(place)

    return arrange


def _state(fleet: Fleet) -> Path:
    return fleet.folder / "state" / ".pulumi" / "stacks" / "kzero-scim" / f"{HOSTILE}.json"


def _bomb(fleet: Fleet) -> None:
    place = _state(fleet)
    with gzip.open(place.with_name(f"{place.name}.gz"), "wb", compresslevel=1) as file:
        for _ in range(1000):
            file.write(b" " * 1_000_000)
    place.unlink()
