"""Removes secrets from every text that leaves the process: errors, log lines, reports, tracebacks.

One :class:`Redactor` per tenant environment; :func:`using` makes it the current one, also for tasks and threads that
start inside. Text that comes from outside is redacted before it is shortened (:func:`shortened`): half a secret is not
found any more. Knows no service.
"""

from __future__ import annotations

import binascii
import html
import json
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any, Final, TypeVar
from urllib.parse import quote, quote_plus

from kzero_scim.secret_variables import secrets_of

T = TypeVar("T")

REPLACEMENT: Final = "[secret]"

SHORTEST: Final = 4
"""Shorter secrets are found only as the value of a field for secrets (``password=no``): replacing every ``no`` would
garble messages and hide nothing."""
_SHORTEST_LINE: Final = 8
"""Characters of a line of a secret that has several, for it to be a secret by itself."""
LONGEST: Final = 16 * 1024
"""Characters of a message or a value that is shown."""
_WINDOW: Final = 4 * LONGEST
"""If only the beginning of a text is shown, secrets are searched in this many characters. The longest secret that a
service repeats is a token of a few thousand characters, and six times as long if each is written as an escape."""
_SHORTEST_TOKEN: Final = 20
_LEVELS: Final = 4
"""Encodings on top of each other that are read, such as HTML of JSON of a URL."""

_ESCAPE: Final = re.compile(
    r"(?i:%[0-7][0-9a-f]|%[cd][0-9a-f]%[89ab][0-9a-f]|%e[0-9a-f](?:%[89ab][0-9a-f]){2}|%f[0-7](?:%[89ab][0-9a-f]){3}"
    r"|%[89a-f][0-9a-f])"
    r"|\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|\\u[0-9a-fA-F]{4}|\\U[0-9a-fA-F]{8}|\\x[0-9a-fA-F]{2}|\\[\"'\\/bfnrt]"
    r"|&#[0-9]{1,7};|&#[xX][0-9a-fA-F]{1,6};|&[A-Za-z]{2,8};"
    r"|\+|\s{2,}|[^\S ]"
)
"""A character as a URL, a form, JSON, HTML, or Python's own notation writes it; and white space, which differs."""
_BASE64: Final = re.compile(r"[A-Za-z0-9+/_-]{4,}={0,2}")
_TOKEN: Final = re.compile(r"eyJ[A-Za-z0-9_-]{16,}(?:\.[A-Za-z0-9_-]*){0,2}|(?<=Bearer )[A-Za-z0-9._~+/=-]{16,}")
"""An access token of any issuer, or its beginning. azuread signs in by itself, so nothing learns its token."""
_TOKEN_INSIDE: Final = re.compile(rb"eyJ[A-Za-z0-9_-]{16,}\.eyJ|Bearer [A-Za-z0-9._~+/=-]{16,}")
_BASE64_ALPHABET: Final = str.maketrans("-_", "+/", "=")
FIELD: Final = r"""(?i:secret|password|passwd|pwd|passphrase|token|assertion)["']?\s*[:=]\s*["']?"""
"""A pattern of what is written before the value of a field for secrets."""
_ESCAPED: Final = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


class Redactor:
    """Learns secret values as they come by, and replaces them in texts.

    It finds a secret as it is; percent-encoded, as a form, JSON or HTML writes it, also in several of these on top of
    each other; and inside base64, such as Basic credentials or a part of a token.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        """Know these secrets."""
        self._needles: set[str] = set()
        self._inner: set[bytes] = set()
        self._short: set[str] = set()
        self._short_pattern: re.Pattern[str] | None = None
        self.learn(list(secrets))

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> Redactor:
        """Return a redactor that knows every secret of an environment."""
        return cls(secrets_of(environment))

    def learn(self, value: object) -> None:
        """Remember a secret: a string, or everything inside a list or dictionary. Anything else is no secret text."""
        for secret in _strings(value):
            lines = [line.strip() for line in secret.splitlines()]
            parts = [line for line in lines if len(line) >= _SHORTEST_LINE and not line.startswith("-----")]
            for part in (secret.strip(), *(parts if len(lines) > 1 else ())):
                self._learn(part)

    def _learn(self, secret: str) -> None:
        if not secret or secret in self._needles:
            return
        if len(secret) < SHORTEST:
            self._short.add(secret)
            values = "|".join(map(re.escape, sorted(self._short, key=len, reverse=True)))
            self._short_pattern = re.compile(rf"{FIELD}(?P<value>{values})(?!\w)")
            self._inner.add(f":{secret}".encode(errors="surrogatepass"))
            return
        self._needles.add(secret)
        self._needles |= {form for form in _decodings(secret) if len(form) >= SHORTEST}
        forms = {secret, quote(secret, safe="", errors="replace"), quote_plus(secret, errors="replace")}
        forms |= {json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]}
        # Where a secret looks encoded itself, decoding turns it into something else, perhaps too short to look for.
        self._needles |= forms | {html.escape(form) for form in forms} | {json.dumps(form)[1:-1] for form in forms}
        self._inner |= {form.encode(errors="surrogatepass") for form in forms}
        self._inner.add(secret.encode("latin-1", errors="replace"))

    def redact(self, text: str) -> str:
        """Return the text with every known secret replaced."""
        if not text:
            return text
        found: list[tuple[int, int]] = []
        runs: dict[str, bool] = {}
        level, below = text, list[_Decoding]()
        for _ in range(_LEVELS):
            found += [_source_of(span, below) for span in self._found(level, runs)]
            following = _Decoding.of(level)
            if following is None:
                break
            level = following.text
            below.append(following)
        else:
            found += [_source_of(span, below) for span in self._found(level, runs)]
        return _without(text, found)

    def shortened(self, text: str, most: int) -> str:
        """Return the beginning of a text from outside, which may be very long, without secrets."""
        if len(text) <= _WINDOW:
            return self.redact(text)[:most]
        # A secret that begins in the part which is returned ends in the window.
        redacted_part = self.redact(text[:_WINDOW])
        return redacted_part[: min(most, max(0, len(redacted_part) - _WINDOW // 2))]

    def line(self, text: str) -> str:
        """Return a message without secrets, with at most :data:`LONGEST` characters of it."""
        if len(text) <= LONGEST:
            return self.redact(text)
        return f"{self.shortened(text, LONGEST)}... ({len(text)} characters)"

    def _found(self, text: str, runs: dict[str, bool]) -> Iterator[tuple[int, int]]:
        for needle in self._needles:
            at = text.find(needle)
            while at >= 0:
                yield at, at + len(needle)
                at = text.find(needle, at + 1)
        for match in _TOKEN.finditer(text):
            yield match.span()
        if self._short_pattern is not None:
            for match in self._short_pattern.finditer(text):
                yield match.span("value")
        shortest = min(map(len, self._inner), default=_SHORTEST_TOKEN) * 4 // 3
        for match in _BASE64.finditer(text):
            run = match[0]
            if len(run) < shortest:
                continue
            if run not in runs:
                runs[run] = self._is_inside(run)
            if runs[run]:
                yield match.span()

    def _is_inside(self, run: str) -> bool:
        """Return whether base64 that begins somewhere in this run of characters holds a secret."""
        letters = run.translate(_BASE64_ALPHABET)
        # At each alignment, without a last character that is less than a byte.
        parts = (letters[offset : len(letters) - ((len(letters) - offset) % 4 == 1)] for offset in range(4))
        content = b"\0".join(binascii.a2b_base64(part + "=" * (-len(part) % 4)) for part in parts)
        return any(form in content for form in self._inner) or _TOKEN_INSIDE.search(content) is not None


_current: ContextVar[Redactor | None] = ContextVar("redactor", default=None)


def current() -> Redactor:
    """Return the redactor of what runs now; the process's own outside every :func:`using`."""
    return _current.get() or _PROCESS


@contextmanager
def using(redactor: Redactor) -> Iterator[Redactor]:
    """Make a redactor the current one while the block runs, also for tasks and threads that asyncio starts in it."""
    mark = _current.set(redactor)
    try:
        yield redactor
    finally:
        _current.reset(mark)


def learn(value: object) -> None:
    """Have the current redactor learn a secret."""
    current().learn(value)


def shortened(text: str, most: int) -> str:
    """Return the beginning of a text from outside, without the secrets that the current redactor knows."""
    return current().shortened(text, most)


def redacted(value: T) -> T:
    """Return a value with the current redactor applied to every text inside: dataclasses, lists, dictionaries.

    A text of more than :data:`LONGEST` characters is shortened: a service may answer with a name of many megabytes.
    """
    made: Any = _redacted(value, current())
    return made  # type: ignore[no-any-return] # of the type that it was of


def _redacted(value: Any, redactor: Redactor) -> Any:  # noqa: ANN401 - any value
    if type(value) is str:
        return redactor.line(value)
    if isinstance(value, dict):
        return {key: _redacted(item, redactor) for key, item in value.items()}
    if type(value) in {list, tuple, set, frozenset}:
        return type(value)(_redacted(item, redactor) for item in value)
    if is_dataclass(value) and not isinstance(value, type):
        own = {field.name: getattr(value, field.name) for field in fields(value) if field.init}
        return replace(value, **{name: _redacted(item, redactor) for name, item in own.items()})
    return value


def _without(text: str, found: Iterable[tuple[int, int]]) -> str:
    # What was replaced before stays, also where a secret is called "secret".
    kept = [match.span() for match in re.finditer(re.escape(REPLACEMENT), text)]
    spans = sorted(
        (start, end) for start, end in found if not any(first <= start and end <= last for first, last in kept)
    )
    pieces, done = [], 0
    at = 0
    while at < len(spans):
        start, end = spans[at]
        at += 1
        while at < len(spans) and spans[at][0] < end:
            end = max(end, spans[at][1])
            at += 1
        pieces += [text[done:start], REPLACEMENT]
        done = end
    return "".join((*pieces, text[done:]))


@dataclass(frozen=True)
class _Decoding:
    """A text after one level of decoding, and where it was changed.

    Attributes:
        text: The decoded text.
        starts: Where each decoded escape begins in it.
        ends: Where each ends in it.
        places: Where each was before, beginning and end.
    """

    text: str
    starts: list[int]
    ends: list[int]
    places: list[tuple[int, int]]

    @classmethod
    def of(cls, text: str) -> _Decoding | None:
        """Decode one level; None if that changes nothing."""
        pieces: list[str] = []
        made = cls("", [], [], [])
        done = length = 0
        for match in _ESCAPE.finditer(text):
            start, end = match.span()
            character = _meaning(match[0])
            pieces += [text[done:start], character]
            length += start - done
            made.starts.append(length)
            length += len(character)
            made.ends.append(length)
            made.places.append((start, end))
            done = end
        decoded = "".join((*pieces, text[done:]))
        return None if decoded == text else replace(made, text=decoded)

    def source_of(self, start: int, end: int) -> tuple[int, int]:
        """Return where a part of the text was before. Half a character's escape counts as all of it."""
        return self._before(start)[0], self._before(end - 1)[1]

    def _before(self, at: int) -> tuple[int, int]:
        """Return where the character at a place begins and ends in the text before decoding."""
        last = bisect_right(self.starts, at) - 1
        if last < 0:
            return at, at + 1
        if at < self.ends[last]:
            return self.places[last]
        place = self.places[last][1] + at - self.ends[last]
        return place, place + 1


def _source_of(span: tuple[int, int], below: Sequence[_Decoding]) -> tuple[int, int]:
    for decoding in reversed(below):
        span = decoding.source_of(*span)
    return span


def _decodings(text: str) -> Iterator[str]:
    """Give what a secret looks like where it is decoded too often, since a reader cannot know how often."""
    for _ in range(_LEVELS + 1):
        following = _Decoding.of(text)
        if following is None:
            return
        text = following.text
        yield text


def _meaning(escape: str) -> str:
    if escape[0] == "%":
        encoded = bytes.fromhex(escape.replace("%", ""))
        try:
            return encoded.decode()
        except UnicodeDecodeError:
            return encoded.decode("latin-1")
    if escape[0] == "&":
        return html.unescape(escape)
    if escape[0] != "\\":
        return " "
    if escape[1] in "uUx":
        if len(escape) == 12:  # noqa: PLR2004 - two halves of one character
            high, low = int(escape[2:6], 16), int(escape[8:], 16)
            return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
        code = int(f"0x{escape[2:]}", 0)
        return chr(code) if code <= 0x10FFFF else escape  # noqa: PLR2004 - the last character
    return _ESCAPED.get(escape[1], escape[1])


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list | tuple | set):
        for item in value:
            yield from _strings(item)


_PROCESS: Final = Redactor()
