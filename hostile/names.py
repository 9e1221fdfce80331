"""Cases in which text from outside holds workflow commands, terminal control characters and bidirectional marks."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from faults.cases import key
from hostile import attacks
from hostile.between import Attack, Rule
from hostile.cases import (
    CHECK,
    DOCTOR,
    DRIFT,
    FLEET_DRIFT,
    FLEET_LIST,
    FLEET_PREVIEW,
    STATUS,
    Case,
    Command,
)
from hostile.fleet import Fleet
from hostile.services import PLACES

PLANTED: Final = "x##vso[task.setvariable variable=a]b ::error::c ##[error]d \x1b[31me\u202ef\r\n::add-mask::g"
_FILE_NAMES: Final = ("##vso[task.x]", "::error::x", "\u202ex", "\x1b[31mx", "x\n::error::y", "-x", "x y")
_ANY: Final = (0, 1, 2, 3)
_AS_EVER: Final = ("unchanged",)


def names() -> Iterable[Case]:
    """Return the cases."""
    group = attacks.named(PLANTED, "principalDisplayName", "displayName")
    read = (CHECK, STATUS, DRIFT, FLEET_DRIFT)
    # Whether a name alone makes a difference depends on the command; what counts is what it prints.
    any_code = {command.name: _ANY for command in read}
    any_outcome = ("unchanged", "failed", "drifted", "changed", "unhealthy", "timed-out")
    for what, pattern, attack in (
        ("every display name in Entra", r"^/v1\.0/", group),
        ("every user name in Entra", r"^/v1\.0/", attacks.named(PLANTED, "userPrincipalName", "mail", "mailNickname")),
        ("the synchronization job's texts", r"^/v1\.0/", attacks.named(PLANTED, "code", "reason", "message", "state")),
        ("every mapper's claim in KZero", r"^/admin/", attacks.named(PLANTED, "claim.name", "user.attribute")),
        ("every mapper's name in KZero", r"^/admin/", attacks.named(PLANTED, "name", "username", "displayName")),
        (
            "the realm's names in KZero",
            r"^/realms/[^/]+$|^/admin/realms/[^/]+$",
            attacks.named(PLANTED, "realm", "displayName"),
        ),
    ):
        yield Case(
            key=key("name", what),
            what=f"commands and control characters in {what}",
            commands=read,
            rules=(Rule(path=pattern, attack=attack),),
            codes=any_code,
            outcome=any_outcome,
            # Of a tenant that has drifted, the engine previews what the next update would do.
            more_megabytes=600,
            is_met=False,
        )
    for place in PLACES:
        yield _error(place, attacks.refuse(PLANTED, 401 if place == "the SCIM endpoint" else 400))
    for name in _FILE_NAMES:
        yield _file_name(name)


def _error(place: str, attack: Attack) -> Case:
    commands: tuple[Command, ...] = (
        (CHECK, FLEET_DRIFT, FLEET_PREVIEW) if place == "Microsoft Graph" else (CHECK, FLEET_DRIFT)
    )
    healthy = place == "the SCIM endpoint"  # 401 is what a SCIM endpoint answers
    return Case(
        key=key("error-text", place),
        what=f"commands and control characters in an error of {place}",
        commands=commands,
        rules=(Rule(path=PLACES[place], attack=attack),),
        codes={command.name: (0, 2) for command in commands} if healthy else {DOCTOR.name: _ANY},
        outcome=_AS_EVER if healthy else ("failed",),
    )


def _file_name(name: str) -> Case:
    def arrange(fleet: Fleet) -> None:
        (fleet.folder / "stacks" / f"Pulumi.{name}.yaml").write_bytes(fleet.stack_file.read_bytes())

    return Case(
        key=key("file-name", name.encode("unicode-escape").decode()),
        what=f"a stack file is called Pulumi.{name.encode('unicode-escape').decode()}.yaml",
        commands=(FLEET_DRIFT, FLEET_LIST),
        arrange=arrange,
        outcome=_AS_EVER,
    )
