"""Checks the characters and lengths of texts in a tenant's settings. Asks no service.

Quotes, percent signs, slashes, emoji and letters of every script are allowed everywhere and stay unchanged. Characters
that no name needs, or that make one name look like another, are errors: control characters, line breaks and unpaired
surrogates. Characters that reverse the reading direction are errors too, except in names that are only looked up. Marks
(U+200E, U+200F) and joiners are allowed, because Arabic, Hebrew, Persian and emoji need them.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator
from typing import Final

from kzero_scim.display import plain
from kzero_scim.resource.formats import is_guid

LONGEST: Final = 16_384
"""Characters in one text."""
LONGEST_NAME: Final = 256
"""Characters of a name that Entra's directory stores."""
LONGEST_MAPPER_NAME: Final = 255
"""Characters of a mapper's name that Keycloak stores."""
_SHOWN: Final = 80
_LOOKED_FOR: Final = frozenset({"users", "groups", "testUser", "appRole"})
"""Settings that name existing objects, whose names may reverse the reading direction."""
_BREAKS: Final = frozenset("\t\n\r")
_REVERSING: Final = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


def shown(value: object) -> str:
    """Return a value for an error: quoted, with escapes for invisible characters, and shortened."""
    text = repr(value)
    return plain(text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]}...{text[-_SHOWN // 4 :]}")


def is_kept(name: str) -> bool:
    """Return whether a name of a user or group is certain to be the same after it was written to a file and read back.

    A name is not if people or programs may change it on the way (spaces around it, a line break, a ``#`` at the start,
    letters that are composed of several characters), or if it reads as an object ID.
    """
    is_plain = 0 < len(name) <= LONGEST_NAME and name == name.strip() and not name.startswith("#") and not is_guid(name)
    is_same = unicodedata.is_normalized("NFC", name) and name.isprintable()
    return is_plain and is_same and not text_problems("groups", name, ())


def twin(name: str) -> str:
    """Return the same text for all names that people take for one: they differ in case or composition only."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def text_problems(key: str, value: object, hidden: Collection[str]) -> list[str]:
    """Return a line for every text in a setting that contains something that is not allowed.

    Args:
        key: The setting's key.
        value: Its decoded value: texts, numbers, lists and objects at any depth.
        hidden: Keys whose values must not be shown.
    """
    return [
        problem
        for path, text, is_key in _texts(key, value)
        if (problem := _problem(key, path, text, is_key=is_key, is_hidden=key in hidden))
    ]


def _texts(path: str, value: object) -> Iterator[tuple[str, str, bool]]:
    """Yield each text in a value with its path, and whether it is the key of an object."""
    waiting: list[tuple[str, object]] = [(path, value)]
    while waiting:
        place, item = waiting.pop()
        if isinstance(item, str):
            yield place, item, False
        elif isinstance(item, list):
            waiting += [(f"{place}[{index}]", entry) for index, entry in enumerate(item)]
        elif isinstance(item, dict):
            for name, entry in item.items():
                yield place, str(name), True
                waiting.append((f"{place}.{name}", entry))


def _problem(key: str, path: str, text: str, *, is_key: bool, is_hidden: bool) -> str | None:
    is_unspellable = is_key and text.endswith("\\")
    is_usual = text.isascii() and text.isprintable() and 0 < len(text) <= LONGEST_MAPPER_NAME and text == text.strip()
    if is_usual and not is_unspellable:
        return None  # the usual case, also for ten thousand names
    what = "(hidden)" if is_hidden else shown(text)
    where = f"{plain(path)[:200]}: {'the name ' if is_key else ''}{what}"
    bad = next((character for character in text if _is_refused(character, key, path)), None)
    if bad is not None:
        remedy = "remove it" if key not in _LOOKED_FOR - {"appRole"} else "remove it, or give the object ID instead"
        return f"{where} contains {_named(bad)}, which is not allowed; {remedy}"
    if len(text) > LONGEST:
        return f"{where} has {len(text)} characters, more than {LONGEST}; shorten it"
    if is_unspellable:
        return f"{where} ends with a backslash, which Pulumi cannot write in a property path; choose another name"
    if is_key and path == "mappers" and (text != text.strip() or not 0 < len(text) <= LONGEST_MAPPER_NAME):
        return f"{where} is not valid; give a mapper 1 to {LONGEST_MAPPER_NAME} characters without spaces around them"
    return None


def _is_refused(character: str, key: str, path: str) -> bool:
    category = unicodedata.category(character)
    if category in {"Cc", "Zl", "Zp", "Cs"}:
        # Expressions of several lines are usual; Entra removes their white space.
        return not (character in _BREAKS and path.endswith(".expression"))
    return key not in _LOOKED_FOR and unicodedata.bidirectional(character) in _REVERSING


def _named(character: str) -> str:
    code = f"U+{ord(character):04X}"
    if character in "\n\r\u2028\u2029\x85":
        return f"a line break ({code})"
    if unicodedata.category(character) == "Cc":
        return f"a control character ({code})"
    if unicodedata.category(character) == "Cs":
        return f"an unpaired surrogate ({code})"
    return f"a character that reverses the reading direction ({code})"
