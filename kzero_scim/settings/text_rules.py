"""Which characters and lengths the texts of a tenant's settings may have, and the line that refuses the others.

Quotes, percent signs, slashes, emoji and letters of every script are taken everywhere and arrive as they are. Refused
is what no name needs and what could make one read as another: control characters, line breaks, half characters, and,
where a name is made rather than looked for, the characters that turn the reading order around. Marks (U+200E, U+200F)
and joiners, which Arabic, Hebrew, Persian and emoji need, are taken. Pure.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection, Iterator
from typing import Final

from kzero_scim.display import plain

LONGEST: Final = 16_384
"""Characters of any single text."""
LONGEST_MAPPER_NAME: Final = 255
"""Characters that Keycloak stores of a mapper's name."""
_SHOWN: Final = 80
_LOOKED_FOR: Final = frozenset({"users", "groups", "testUser", "appRole"})
"""Settings that name what exists already, with whatever is in its name."""
_BREAKS: Final = frozenset("\t\n\r")
_TURNING: Final = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})


def shown(value: object) -> str:
    """Show a value in an error: quoted, its invisible characters written out, and not too long."""
    text = repr(value)
    return plain(text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]}...{text[-_SHOWN // 4 :]}")


def text_problems(key: str, value: object, hidden: Collection[str]) -> list[str]:
    """Name every text inside a setting that holds what none may hold.

    Args:
        key: The setting's key.
        value: Its decoded value: texts, numbers, lists and objects in any depth.
        hidden: Keys whose values must not be shown.
    """
    return [
        problem
        for path, text, is_key in _texts(key, value)
        if (problem := _problem(key, path, text, is_key=is_key, is_hidden=key in hidden))
    ]


def _texts(path: str, value: object) -> Iterator[tuple[str, str, bool]]:
    """List the texts inside a value, each with its path and whether it is the key of an object."""
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
        return None  # most are so, of ten thousand names all
    what = "(hidden)" if is_hidden else shown(text)
    where = f"{plain(path)[:200]}: {'the name ' if is_key else ''}{what}"
    bad = next((character for character in text if _is_refused(character, key, path)), None)
    if bad is not None:
        remedy = "remove it" if key not in _LOOKED_FOR - {"appRole"} else "remove it, or give the object id instead"
        return f"{where} holds {_named(bad)}, which no name may hold; {remedy}"
    if len(text) > LONGEST:
        return f"{where} has {len(text)} characters, more than {LONGEST}; shorten it"
    if is_unspellable:
        return f"{where} ends in a backslash, which Pulumi cannot spell in a property's path; choose another name"
    if is_key and path == "mappers" and (text != text.strip() or not 0 < len(text) <= LONGEST_MAPPER_NAME):
        return f"{where} has {len(text)} characters; a mapper's name has 1 to {LONGEST_MAPPER_NAME}, no blank around it"
    return None


def _is_refused(character: str, key: str, path: str) -> bool:
    category = unicodedata.category(character)
    if category in {"Cc", "Zl", "Zp", "Cs"}:
        # An expression of several lines is usual; Entra takes its white space out.
        return not (character in _BREAKS and path.endswith(".expression"))
    return key not in _LOOKED_FOR and unicodedata.bidirectional(character) in _TURNING


def _named(character: str) -> str:
    code = f"U+{ord(character):04X}"
    if character in "\n\r\u2028\u2029\x85":
        return f"a line break ({code})"
    if unicodedata.category(character) == "Cc":
        return f"a control character ({code})"
    if unicodedata.category(character) == "Cs":
        return f"half a character ({code})"
    return f"a character that turns the reading order around ({code})"
