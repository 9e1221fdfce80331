"""The interface that users depend on equals the frozen one. Name an intended change in the changelog and freeze it."""

from __future__ import annotations

from tests.interface import frozen


def test_served_schema_is_the_frozen_one() -> None:
    """Tokens, types and properties of the package's schema have not changed."""
    assert frozen.schema() == frozen.load("schema"), (
        "the interface changed; if that is intended, run `python -m tests.interface.frozen`"
    )


def test_commands_and_options_are_the_frozen_ones() -> None:
    """Every command keeps its name, its arguments, its options and their defaults."""
    assert frozen.commands() == frozen.load("commands"), (
        "the interface changed; if that is intended, run `python -m tests.interface.frozen`"
    )
