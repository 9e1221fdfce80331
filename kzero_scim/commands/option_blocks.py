"""Lets a command take a dataclass as a parameter: its fields become options that several commands can share."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any, get_type_hints


def with_option_blocks(command: Callable[..., None]) -> Callable[..., None]:
    """Return the command with each dataclass parameter replaced by the dataclass's fields, for typer.

    Args:
        command: The command; all its parameters can be given by keyword.
    """
    hints = get_type_hints(command, include_extras=True)
    parameters: list[inspect.Parameter] = []
    blocks: dict[str, tuple[Any, list[str]]] = {}
    for parameter in inspect.signature(command).parameters.values():
        block = hints[parameter.name]
        if not is_dataclass(block):
            parameters.append(_option(parameter.name, hints[parameter.name], parameter.default))
            continue
        of_fields = get_type_hints(block, include_extras=True)
        parameters += [_option(field.name, of_fields[field.name], field.default) for field in fields(block)]
        blocks[parameter.name] = (block, [field.name for field in fields(block)])

    @functools.wraps(command)
    def run(**options: Any) -> None:  # noqa: ANN401 - as typer gives them
        for name, (block, names) in blocks.items():
            options[name] = block(**{each: options.pop(each) for each in names})
        command(**options)

    del run.__wrapped__
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined] # inspect reads it
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return run


def _option(name: str, annotation: Any, default: Any) -> inspect.Parameter:  # noqa: ANN401 - a type, any default
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
