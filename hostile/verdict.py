"""Judges a case: no secret anywhere, documented exit codes, the other three tenants as usual, memory within bounds."""

from __future__ import annotations

import base64
import binascii
import html
import re
import string
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import unquote

from hostile.cases import FLEET_PREVIEW, Case, Command
from hostile.fleet import HOSTILE, OTHERS, Fleet, Ran

TOO_SLOW: Final = "the other three took"
_LEVELS: Final = 3
_SHORTEST: Final = 12
"""Characters of a secret in a row that are a leak."""
_SPOKEN: Final = "sandbox-secret-of-"
"""The sandbox's own secrets are made of words that messages contain too."""
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{16,}")
_ESCAPE: Final = re.compile(r"\\u([0-9a-fA-F]{4})|\\(.)", re.DOTALL)
_BIDI: Final = "\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_CONTROL: Final = re.compile(rf"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f{_BIDI}]")
_COMMAND: Final = re.compile(r"##(?:vso)?\[|::(?:error|warning|notice|set-output|add-mask|stop-commands|group)\b")


@dataclass(frozen=True, kw_only=True)
class Usual:
    """A fleet command without an attack.

    Attributes:
        seconds: The slowest of the other three tenants.
        megabytes: Peak memory of all processes.
    """

    seconds: float
    megabytes: float


@dataclass(frozen=True, kw_only=True)
class Result:
    """The result of a case.

    Attributes:
        case: The case.
        said: What the hostile tenant came to, in a few words.
        seconds: The slowest of the other three tenants; None if no command handles them.
        usual: The same without an attack.
        megabytes: Peak memory of all processes of the largest command.
        problems: What is wrong; empty if the case passed.
    """

    case: Case
    said: str = ""
    seconds: float | None = None
    usual: float | None = None
    megabytes: float = 0.0
    problems: tuple[str, ...] = ()


def judge_run(  # noqa: PLR0913 - each is a fact of its own
    case: Case, command: Command, ran: Ran, fleet: Fleet, *, usual: Usual | None, slack: float
) -> list[str]:
    """Return what is wrong after one command of a case.

    Args:
        case: The case.
        command: The command.
        ran: Its outcome.
        fleet: The fleet.
        usual: The command without an attack; None if it has no run.
        slack: Seconds that the other three may take longer than twice their usual time.
    """
    problems = [f"{command.name}: {problem}" for problem in _leaks(case, ran, fleet)]
    codes = case.codes.get(command.name, command.failed)
    if ran.code not in codes:
        problems.append(f"{command.name}: exit code {ran.code} instead of {' or '.join(map(str, codes))}: {ran.text}")
    words = ("Traceback (most recent call last)", "panic:", "internal error", "please report")
    problems += [f"{command.name} printed {word!r}: {ran.text[-3000:]}" for word in words if word in ran.text]
    problems += [f"{command.name}: {problem}" for problem in _forged(ran, fleet)]
    if fleet.attacker.received:
        problems.append(f"{command.name}: another host was asked: {fleet.attacker.received}")
    if fleet.between.told_metadata:
        problems.append(f"{command.name}: the metadata host got more than a question")
    problems += [f"{command.name}: {problem}" for problem in _inherited(fleet, has_engine=command is FLEET_PREVIEW)]
    reads = not command.is_fleet or command.run
    text = " ".join(ran.text.split())
    problems += [
        f"{command.name} does not say {wanted!r}: {ran.text}"
        for wanted in map(fleet.filled, case.says)
        if reads and wanted not in text
    ]
    if usual is not None:
        problems += [f"{command.name}: {problem}" for problem in _others(case, command, ran, fleet, usual, slack)]
        found = fleet.document(command.run).get(HOSTILE, {})
        if found.get("outcome") not in case.outcome:
            problems.append(f"{command.name}: {HOSTILE} is {found.get('outcome')}, not {' or '.join(case.outcome)}")
    elif command.is_fleet:
        problems += [f"{command.name} does not name {name}: {ran.text}" for name in OTHERS if name not in ran.text]
    return problems


def slowest(results: Mapping[str, Mapping[str, Any]]) -> float:
    """Return the seconds of the slowest of the other three tenants."""
    return max((float(results[name]["seconds"]) for name in OTHERS if name in results), default=0.0)


def _others(  # noqa: PLR0913, PLR0917 - each is a fact of its own
    case: Case, command: Command, ran: Ran, fleet: Fleet, usual: Usual, slack: float
) -> Iterator[str]:
    results = fleet.document(command.run)
    for name in OTHERS:
        outcome = results.get(name, {}).get("outcome")
        if outcome != "unchanged":
            yield f"{name} is {outcome}: {results.get(name, {}).get('error')}"
    if (seconds := slowest(results)) > 2 * usual.seconds + slack:
        yield f"{TOO_SLOW} {seconds:.1f} s, usually {usual.seconds:.1f} s"
    if ran.megabytes > usual.megabytes + case.more_megabytes:
        yield f"{ran.megabytes:.0f} MB, usually {usual.megabytes:.0f} MB"


def _inherited(fleet: Fleet, *, has_engine: bool) -> Iterator[str]:
    """Give the processes whose environment holds more than one tenant's secrets."""
    if fleet.watched and not fleet.environments and has_engine:
        yield "no environment was read"
    own = {name: value for name, value in fleet.secrets.items() if " of " in name}
    for environment in fleet.environments.values():
        text = environment.decode(errors="replace")
        tenants = {name.partition(" of ")[2] for name, value in own.items() if value in text}
        if len(tenants) > 1 or any(f"{name}=" in text for name in fleet.watched):
            yield f"a process has the secrets of {', '.join(sorted(tenants))} in its environment"


def _leaks(case: Case, ran: Ran, fleet: Fleet) -> Iterator[str]:
    secrets = fleet.secrets | {f"secret {number} of the case": text for number, text in enumerate(case.secrets)}
    secrets |= {f"access token {number}": token for number, token in enumerate(sorted(fleet.between.tokens))}
    known = {name: fragments(value) for name, value in secrets.items()}
    places = {"the output": ran.text}
    for file in fleet.written():
        if file.stat().st_mtime >= ran.began - 1:
            places[str(file.relative_to(fleet.folder))] = file.read_text(encoding="utf-8", errors="replace")
    for place, text in places.items():
        yield from (f"{name} in {place}" for name in found_in(text, known))
    arrived = "\n".join(fleet.between.arrived)
    for name, value in fleet.secrets.items():
        if name.partition(" of ")[2] in OTHERS and value in arrived:
            yield f"{name} arrived at the hostile tenant's services"


def found_in(text: str, fragments: Mapping[str, Iterable[str]]) -> list[str]:
    """Return the names whose fragments are in a text, in any of the forms that a service may use."""
    texts = _decoded(text)
    return [name for name, parts in fragments.items() if any(part in form for form in texts for part in parts)]


def fragments(secret: str) -> tuple[str, ...]:
    """Return what is recognizable of a secret: all of it if it is short, otherwise every part of some characters."""
    if secret.count(".") == 2 and secret.startswith("eyJ"):  # noqa: PLR2004 - a token, whose first part is not secret
        secret = secret.partition(".")[2]
    if secret.startswith(_SPOKEN):
        return (secret,)
    return tuple(secret[start : start + _SHORTEST] for start in range(max(1, len(secret) - _SHORTEST + 1)))


def _decoded(text: str) -> list[str]:
    """Return a text as it is and decoded in every way, several times."""
    steps: tuple[Callable[[str], str], ...] = (unquote, html.unescape, _unescaped, _from_base64)
    known, fresh = [text], [text]
    for _ in range(_LEVELS):
        fresh = [made for form in fresh for step in steps if (made := step(form)) not in {*known, ""}]
        known += dict.fromkeys(fresh)
        fresh = list(dict.fromkeys(fresh))
    return known


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda match: chr(int(match[1], 16)) if match[1] else match[2], text)


def _from_base64(text: str) -> str:
    found = []
    for match in _BASE64.finditer(text):
        run = match[0].translate(str.maketrans("-_", "+/"))
        for offset in range(4):
            part = run[offset:]
            with_end = part[: len(part) // 4 * 4]
            try:
                content = base64.b64decode(with_end).decode("latin-1")
            except binascii.Error:
                continue
            if sum(letter in string.printable for letter in content) > 0.9 * len(content):
                found.append(content)
    return "\n".join(found)


def _forged(ran: Ran, fleet: Fleet) -> Iterator[str]:
    texts = {"the output": ran.text}
    for name in ("comment.md", "junit.xml"):
        if (file := fleet.folder / name).is_file():
            texts[name] = file.read_text(encoding="utf-8")
    for place, text in texts.items():
        if found := _CONTROL.search(text):
            yield f"{place} has the character {found[0]!r}: {text[max(0, found.start() - 80) : found.end() + 80]!r}"
        if found := _COMMAND.search(text):
            yield f"{place} has the workflow command {text[found.start() : found.end() + 80]!r}"
