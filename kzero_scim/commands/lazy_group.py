"""A group whose commands are imported when they are invoked, so that ``--help`` and other commands start fast."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import typer
import typer.main
from typer.core import TyperCommand, TyperGroup

from kzero_scim.errors import SettingsError
from kzero_scim.exit_codes import ExitCode


class LazyGroup(TyperGroup):
    """A group that imports a command when it is invoked. Each subclass lists its members.

    Attributes:
        members: Maps each name to a group, or to ``module:function`` of a command.
        needs: Error message if a command's own dependencies are missing.
    """

    members: ClassVar[Mapping[str, typer.Typer | str]]
    needs: ClassVar[str] = ""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - typer's
        """Register the names of the commands."""
        super().__init__(**options)
        self.commands = {name: TyperCommand(name) for name in self.members}
        self._loaded: dict[str, Any] = {}
        self._is_listing = False

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - typer's classes are not public
        """Return a command. While the group lists its commands, return one that has only its help."""
        del ctx
        member = self.members.get(cmd_name)
        if member is None:
            return None
        if self._is_listing and isinstance(member, str):
            return TyperCommand(cmd_name, help=_help_of(member))
        if cmd_name not in self._loaded:
            self._loaded[cmd_name] = self._load(cmd_name, member)
        return self._loaded[cmd_name]

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - typer's
        """Write the help without importing a command."""
        self._is_listing = True
        try:
            super().format_help(ctx, formatter)
        finally:
            self._is_listing = False

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:  # noqa: ANN401 - typer's
        """Read the group's own options."""
        try:
            return super().parse_args(ctx, args)
        except Exception as error:
            _set_exit_code(error)
            raise

    def invoke(self, ctx: Any) -> Any:  # noqa: ANN401 - typer's
        """Invoke a command."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            _set_exit_code(error)
            raise

    def _load(self, name: str, member: typer.Typer | str) -> Any:  # noqa: ANN401 - typer's
        if isinstance(member, typer.Typer):
            return typer.main.get_group(member)
        module, _, function = member.partition(":")
        app = typer.Typer(add_completion=False)
        try:
            app.command(name)(getattr(import_module(module), function))
        except ModuleNotFoundError as error:
            if not self.needs:
                raise
            message = f"{self.needs} ({error.name})"
            raise SettingsError(message) from error
        return typer.main.get_command(app)


def _set_exit_code(error: Exception) -> None:
    # Typer's usage errors exit with 2, which means ACTION_NEEDED here. Their class is not public.
    if hasattr(error, "format_message"):
        error.exit_code = ExitCode.FAILED  # type: ignore[attr-defined] # not public


def _help_of(member: str) -> str:
    """Read a command's docstring without importing what it needs."""
    module, _, function = member.partition(":")
    spec = find_spec(module)
    tree = ast.parse(Path(spec.origin).read_text(encoding="utf-8") if spec and spec.origin else "")
    found = (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == function)
    return next((ast.get_docstring(node) or "" for node in found), "")
