"""Tests of command groups: help, lookup, and exit codes of wrong usage."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, cast

import pytest
import typer
from typer.testing import CliRunner

from kzero_scim.commands.lazy_group import LazyGroup
from kzero_scim.commands.main import app
from kzero_scim.commands.option_blocks import with_option_blocks
from kzero_scim.errors import SettingsError


def _groups(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:  # noqa: ANN401 - typer's
    yield path, group
    for name in group.commands:
        member = group.get_command(None, name)
        if hasattr(member, "commands"):
            yield from _groups(member, (*path, name))


def test_help_shows_every_command_with_the_first_line_of_its_own_help() -> None:
    """Help shows each command's first line without importing it."""
    for path, group in _groups(typer.main.get_command(app)):
        shown = CliRunner().invoke(app, [*path, "--help"], env={"COLUMNS": "1000"}).output
        for name in group.commands:
            first = group.get_command(None, name).help.split("\n\n")[0].replace("\n", " ")
            assert f"{name} " in shown
            assert first in shown


@pytest.mark.parametrize("words", [["--help"], ["fleet", "--help"], ["sandbox", "--help"], ["--version"]])
def test_help_imports_nothing_that_is_slow(words: list[str]) -> None:
    """Help imports neither the engine's SDK nor a client nor the sandbox."""
    program = (
        f"import sys\nfrom kzero_scim.commands.main import app\ntry: app({words!r})\nexcept SystemExit: pass\n"
        "print([name for name in ('pulumi', 'httpx', 'kzero_scim.fleet', 'kzero_sandbox') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "words", [["chek"], ["--bogus"], ["check"], ["fleet", "preview", "--bogus"], ["fleet", "up", "--parallel", "no"]]
)
def test_wrong_usage_ends_with_1(words: list[str]) -> None:
    """Wrong usage exits with 1 everywhere, because 2 means that something needs action."""
    assert CliRunner().invoke(app, words).exit_code == 1


def test_a_command_that_is_misspelt_is_guessed() -> None:
    """A mistyped command gets a suggestion, although no command is imported."""
    assert "Did you mean 'check'?" in CliRunner().invoke(app, ["chek"], env={"COLUMNS": "200"}).output


@dataclass(frozen=True)
class _Block:
    names: Annotated[list[str] | None, typer.Argument()] = None
    colour: Annotated[str, typer.Option("--colour")] = "red"


def test_an_option_block_is_its_fields() -> None:
    """The fields of an option block become options and are passed as one object."""
    seen: list[tuple[_Block, bool]] = []

    @with_option_blocks
    def paint(block: _Block, *, twice: Annotated[bool, typer.Option("--twice")] = False) -> None:
        seen.append((block, twice))

    own = typer.Typer(add_completion=False)
    own.command()(paint)

    assert CliRunner().invoke(own, ["a", "b", "--colour", "blue", "--twice"]).exit_code == 0
    assert CliRunner().invoke(own, []).exit_code == 0
    assert seen == [(_Block(["a", "b"], "blue"), True), (_Block(None, "red"), False)]


def test_missing_dependencies_of_a_group_are_named() -> None:
    """Without the sandbox's dependencies, one line says what to run."""

    class Group(LazyGroup):
        members: ClassVar = {"go": "no_such_package.commands:go"}
        needs: ClassVar = "the sandbox's own dependencies are missing: run `make setup`"

    own = typer.Typer(cls=Group)

    with pytest.raises(SettingsError, match=r"run `make setup` \(no_such_package\)"):
        typer.main.get_group(own).get_command(cast("Any", None), "go")
