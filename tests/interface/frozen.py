"""Reads the interface that users depend on from the code: the provider's schema and the commands."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import typer.main

from kzero_scim.commands.main import app
from kzero_scim.provider.package import KZERO
from kzero_scim.provider.schema import package_schema

Json = dict[str, Any]

FOLDER: Final = Path(__file__).parent / "frozen"
_WORDS: Final = ("description", "displayName", "license", "publisher", "keywords", "version")
"""Keys of texts for readers, which may change."""


def schema() -> Json:
    """Return the served schema (tokens, types, properties) without texts for readers."""
    bare: Json = _without_words(package_schema(KZERO))
    return bare


def commands() -> Json:
    """Return every command with its arguments and options, defaults included."""
    root = typer.main.get_command(app)
    return {" ".join(path): sorted(map(_parameter, command.params)) for path, command in _commands(root, ())}


def _commands(command: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:  # noqa: ANN401 - click's
    yield path, command
    for name in getattr(command, "commands", {}):
        yield from _commands(command.get_command(None, name), (*path, name))


def _parameter(parameter: Any) -> str:  # noqa: ANN401 - a class of typer's own copy of click
    default = None if callable(parameter.default) else parameter.default
    words = [
        parameter.param_type_name,
        *sorted([*parameter.opts, *parameter.secondary_opts]),
        "required" if parameter.required else "",
        "repeatable" if parameter.multiple or parameter.nargs != 1 else "",
        "" if default is None else f"default={default}",
    ]
    return " ".join(filter(None, words))


def _without_words(value: Any) -> Any:  # noqa: ANN401 - a JSON document
    if isinstance(value, Mapping):
        # A property named "description" is an object and stays.
        return {
            key: _without_words(item)
            for key, item in value.items()
            if key not in _WORDS or not isinstance(item, str | list)
        }
    return [_without_words(item) for item in value] if isinstance(value, list) else value


def load(name: str) -> Json:
    """Return a frozen document."""
    document: Json = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return document


def main() -> None:
    """Write the frozen documents. Run this only for a change of the interface that the changelog names."""
    FOLDER.mkdir(exist_ok=True)
    for name, document in (("schema", schema()), ("commands", commands())):
        text = json.dumps(document, indent=1, sort_keys=True) + "\n"
        (FOLDER / f"{name}.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
