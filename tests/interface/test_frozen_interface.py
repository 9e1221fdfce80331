"""The interface that users depend on is the frozen one; a wanted change is named in the changelog and frozen again."""

from __future__ import annotations

from tests.interface import frozen


def test_served_schema_is_the_frozen_one() -> None:
    """Tokens, types and properties of the package's schema have not changed."""
    assert frozen.schema() == frozen.load("schema"), "wanted? `python -m tests.interface.frozen` freezes it again"


def test_commands_and_options_are_the_frozen_ones() -> None:
    """Every command keeps its name, its arguments, its options and their defaults."""
    assert frozen.commands() == frozen.load("commands"), "wanted? `python -m tests.interface.frozen` freezes it again"
