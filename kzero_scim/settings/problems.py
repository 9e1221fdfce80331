"""Formats errors in a tenant's settings: key, value and remedy in one line each. Knows no particular setting."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, get_args

from pydantic.alias_generators import to_camel
from pydantic.fields import FieldInfo

from kzero_scim.display import plain
from kzero_scim.settings.setting import about
from kzero_scim.settings.text_rules import shown


def join_problems(what: str, problems: Sequence[str], outcome: str) -> str:
    """Return one message for several problems, with one line for each."""
    count = "one problem" if len(problems) == 1 else f"{len(problems)} problems"
    return "\n".join([f"{what} have {count}; {outcome}:", *(f"  {line}" for line in problems)])


def explain(details: Mapping[str, Any], fields: Mapping[str, FieldInfo], hidden: Collection[str]) -> str:
    """Return one of pydantic's errors in the reader's words.

    Args:
        details: The error.
        fields: Every setting by its key.
        hidden: Keys whose values must not be shown.
    """
    location = [str(part) for part in details["loc"]]
    key = location[0] if location else ""
    remedy = about(fields[key]).remedy if key in fields else ""
    path = "".join(f"[{part}]" if part.isdigit() else f".{plain(part)[:100]}" for part in location).removeprefix(".")
    if details["type"] == "value_error":
        reason = str(details["ctx"]["error"])
        return f"{path}: {reason}" if path else reason
    if details["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
        known = list(fields) if len(location) == 1 else list(_nested_keys(fields[key].annotation))
        near = get_close_matches(location[-1], known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else "remove it, or correct it from docs/settings.md"
        return f"{path}: unknown key; {hint}"
    value = "(hidden)" if key in hidden else shown(details["input"])
    if details["type"] == "string_too_long":
        longest = details["ctx"]["max_length"]
        return f"{path}: {value} has {len(details['input'])} characters, more than {longest}; shorten it"
    if details["type"] == "missing" or (details["input"] == "" and key in fields and fields[key].is_required()):
        return f"{path}: not set; {remedy or 'add it'}"
    return f"{path}: {value} is not valid; {remedy or _requirement(details)}"


def _requirement(details: Mapping[str, Any]) -> str:
    if details["type"] == "literal_error":
        return f"use {details['ctx']['expected']}"
    return str(details["msg"][0]).lower() + str(details["msg"][1:])


def _nested_keys(annotation: Any) -> Iterator[str]:  # noqa: ANN401 - any field's type
    """Yield the keys of the objects inside a setting."""
    if dataclasses.is_dataclass(annotation):
        yield from (to_camel(field.name) for field in dataclasses.fields(annotation))
    for inner in get_args(annotation):
        yield from _nested_keys(inner)
