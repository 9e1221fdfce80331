"""Variables as a file or a command gives them: ``NAME=VALUE`` lines, or a JSON object. Errors show no value."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Mapping
from typing import Any, Final

from dotenv.parser import parse_stream

from kzero_scim.display import plain

LARGEST: Final = 1 << 20
"""Bytes that are read; an environment of that size is refused by the system."""
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SECRET: Final = re.compile(r"SECRET|PASSWORD|PASSPHRASE|TOKEN|_KEY|CERTIFICATE|CREDENTIAL")
_NO_SECRET: Final = re.compile(r".*_(?:ID|PATH|URL|URI|FILE|DIR|EXPIRY|LIFESPAN)")


def read_variables(content: bytes) -> dict[str, str]:
    """Read a JSON object of texts, or lines as a shell's ``.env`` file has them, without any substitution.

    Args:
        content: The bytes; :data:`LARGEST` of them at most.

    Raises:
        ValueError: It is neither; a clause to follow what gave it, which shows no value.
    """
    if len(content) > LARGEST:
        message = f"gave more than {LARGEST >> 20} MB; no tenant has so many variables"
        raise ValueError(message)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        message = "gave what is no UTF-8"
        raise ValueError(message) from None
    return _from_json(text) if text.lstrip().startswith("{") else _from_lines(text)


def _from_json(text: str) -> dict[str, str]:
    try:
        document: dict[str, Any] = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        message = f"gave what begins as a JSON object and is none{where}"
        raise ValueError(message) from None
    for name, value in document.items():
        if not _NAME.fullmatch(name):
            message = 'gave a JSON object with a key that is no name of a variable; write {"NAME": "value"}'
            raise ValueError(message)
        if not isinstance(value, str) or "\0" in value:
            message = f"gave a JSON object whose {plain(name)} is no text; put it in quotes"
            raise ValueError(message)
    return document


def _from_lines(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.key is None and not binding.error:
            continue  # a comment, or blank lines
        # A line that is no assignment may be a secret itself: its number is all that is told.
        blank = len(binding.original.string) - len(binding.original.string.lstrip())
        line = binding.original.line + binding.original.string[:blank].count("\n")
        if binding.key is None or binding.value is None or not _NAME.fullmatch(binding.key):
            message = f"has no NAME=VALUE in line {line}"
            raise ValueError(message)
        if binding.key in found:
            message = f"has {plain(binding.key)} twice, again in line {line}; remove one"
            raise ValueError(message)
        if "\0" in binding.value:
            message = f"has a value with a zero byte in line {line}"
            raise ValueError(message)
        found[binding.key] = binding.value
    return found


def secrets_in(environment: Mapping[str, str]) -> list[str]:
    """Give the values of an environment's secrets, told by their names, for a redactor to learn."""
    return [
        value
        for name, value in environment.items()
        if _SECRET.search(name) and not _NO_SECRET.fullmatch(name) and value
    ]
