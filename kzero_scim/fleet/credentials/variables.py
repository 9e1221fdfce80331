"""Reads variables from a file or a command's output: ``NAME=VALUE`` lines, or a JSON object. Errors show no value."""

from __future__ import annotations

import io
import json
import re
from typing import Any, Final

from dotenv.parser import parse_stream

from kzero_scim.display import plain

LARGEST: Final = 1 << 20
"""Largest input, in bytes. The operating system refuses larger environments."""
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def read_variables(content: bytes) -> dict[str, str]:
    """Read a JSON object of strings, or ``NAME=VALUE`` lines as in a ``.env`` file, without substitution.

    Args:
        content: At most :data:`LARGEST` bytes.

    Raises:
        ValueError: It is neither. The message continues a sentence that starts with the source and shows no value.
    """
    if len(content) > LARGEST:
        message = f"contains more than {LARGEST >> 20} MB; it must contain only variables"
        raise ValueError(message)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        message = "is not valid UTF-8"
        raise ValueError(message) from None
    return _from_json(text) if text.lstrip().startswith("{") else _from_lines(text)


def _from_json(text: str) -> dict[str, str]:
    try:
        document: dict[str, Any] = json.loads(text)
    except (ValueError, RecursionError) as error:
        where = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) else ""
        message = f"contains malformed JSON{where}"
        raise ValueError(message) from None
    for name, value in document.items():
        if not _NAME.fullmatch(name):
            message = 'contains a JSON object with a key that is not a variable name; write {"NAME": "value"}'
            raise ValueError(message)
        if not isinstance(value, str) or "\0" in value:
            message = f"contains a JSON object whose {plain(name)} is not a string; put it in quotes"
            raise ValueError(message)
    return document


def _from_lines(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.key is None and not binding.error:
            continue  # a comment, or blank lines
        # A line that is not an assignment may be a secret, so the error shows only its number.
        blank = len(binding.original.string) - len(binding.original.string.lstrip())
        line = binding.original.line + binding.original.string[:blank].count("\n")
        if binding.key is None or binding.value is None or not _NAME.fullmatch(binding.key):
            message = f"has no NAME=VALUE in line {line}"
            raise ValueError(message)
        if binding.key in found:
            message = f"has {plain(binding.key)} twice, again in line {line}; remove one"
            raise ValueError(message)
        if "\0" in binding.value:
            message = f"has a value with a zero byte in line {line}; remove the byte"
            raise ValueError(message)
        found[binding.key] = binding.value
    return found
