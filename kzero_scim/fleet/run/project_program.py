"""Runs a project's own program in this process, like Pulumi's Python language host in a separate one.

Must not know components or tenants: the program declares all resources. https://www.pulumi.com/docs/iac/
concepts/projects/project-file describes ``runtime`` and ``main``.
"""

from __future__ import annotations

import logging
import os
import re
import runpy
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, Final, Self

import pulumi
from pulumi.runtime import rpc

from kzero_scim.errors import KzeroScimError, SettingsError
from kzero_scim.stack import safe_yaml

REPORTED: Final = "the program ended after it reported an error"
"""Error of a program that ends with Pulumi's exit code for errors that the program reported itself."""
_REPORTED_CODE: Final = 32  # `sdk/python/cmd/pulumi-language-python-exec`
_MAIN: Final = "__main__.py"
_TRACEBACK: Final = "Traceback (most recent call last):"
_LATE: Final = "python inline source runtime error: "
"""Prefix of Pulumi's Automation API for exceptions in asynchronous code, for example in ``Output.apply``."""
_FRAME: Final = re.compile(r'^ +File "(?P<file>[^"]+)", line (?P<line>\d+)', re.MULTILINE)


@dataclass(frozen=True)
class ProjectProgram:
    """A project's program.

    Attributes:
        project: The folder of Pulumi.yaml.
        folder: The program's working directory.
        entry: The file in it that Pulumi runs, or ``.`` for ``__main__.py``.
    """

    project: Path
    folder: Path
    entry: str

    @classmethod
    def of(cls, project: Path) -> Self:
        """Return a project's program, found by ``runtime`` and ``main`` of its Pulumi.yaml.

        Raises:
            SettingsError: It is not a Python program, or it does not exist.
        """
        file = project / "Pulumi.yaml"
        document = safe_yaml.read(file)
        runtime = document.get("runtime")
        name = runtime.get("name") if isinstance(runtime, dict) else runtime
        if name != "python":
            message = f"{file}: runtime is {name}, but the fleet runs only Python programs; use `pulumi` instead"
            raise SettingsError(message)
        main = (project / str(document.get("main") or ".")).resolve()
        if main.is_file():
            return cls(project.resolve(), main.parent, main.name)
        if not (main / _MAIN).is_file():
            message = f"{file}: the program {main / _MAIN} does not exist; correct main in Pulumi.yaml"
            raise SettingsError(message)
        return cls(project.resolve(), main, ".")

    def run(self, log: Callable[[str], None]) -> None:
        """Run the program as ``__main__``, in its folder.

        Args:
            log: Receives the lines of a traceback.

        Raises:
            pulumi.RunError: The program failed; the message is one line with file and line, or :data:`REPORTED`.
        """
        process = os.getpid()
        os.chdir(self.folder)
        sys.argv = [self.entry]
        # Python caches which folder "." was at the first import from it.
        sys.path_importer_cache.pop(self.entry, None)
        try:
            runpy.run_path(self.entry, run_name="__main__")
        except SystemExit as ended:
            if ended.code == _REPORTED_CODE:
                raise pulumi.RunError(REPORTED) from None
            if ended.code:
                said = f"sys.exit({ended.code})" if isinstance(ended.code, int) else str(ended.code)
                raise pulumi.RunError(self._at(ended, said)) from None
        except pulumi.RunError:
            raise
        except KzeroScimError as error:
            raise pulumi.RunError(str(error)) from None
        except Exception as error:  # noqa: BLE001 - a program may raise anything
            for line in traceback.format_exc().splitlines():
                log(line)
            raise pulumi.RunError(self._at(error, _said_by(error))) from None
        finally:
            if os.getpid() != process:
                # The program forked this process and did not end it. It must not become a second worker.
                os._exit(1)

    def rewrite(self, message: str) -> str:
        """Return an engine's error. A traceback of the program becomes one line with file and line."""
        if not message.startswith(_LATE) or _TRACEBACK not in message:
            return message
        told = message.rpartition(_TRACEBACK)[2]
        places = [(match["file"], int(match["line"])) for match in _FRAME.finditer(told)]
        last = [line for line in told.splitlines() if line and not line.startswith(" ")]
        return self._with_place(places, last[-1] if last else message)

    def _at(self, error: BaseException, said: str) -> str:
        places = [(frame.filename, frame.lineno or 0) for frame in traceback.extract_tb(error.__traceback__)]
        if isinstance(error, SyntaxError) and error.filename:
            places.append((error.filename, error.lineno or 0))
        return self._with_place(places, said)

    def _with_place(self, places: list[tuple[str, int]], said: str) -> str:
        for file, line in reversed(places):
            path = self.folder / file
            if _is_own(path, self.project):
                return f"{path.relative_to(self.project)}:{line}: {said}"
        return said


@contextmanager
def leaving_nothing(project: Path) -> Iterator[None]:
    """Remove a program's modules, import paths, arguments and log handlers from this process after the block.

    Installed packages stay loaded, because importing them again for each tenant would take too long.
    """
    modules, path, arguments = set(sys.modules), list(sys.path), list(sys.argv)
    handlers, level = list(logging.root.handlers), logging.root.level
    try:
        yield
    finally:
        sys.path[:], sys.argv[:], logging.root.handlers[:] = path, arguments, handlers
        logging.root.setLevel(level)
        _forget(modules, project.resolve())


def _forget(kept: set[str], project: Path) -> None:
    own = {
        name
        for name in set(sys.modules) - kept
        for top in [name.partition(".")[0]]
        if top not in kept and _is_own(_place_of(sys.modules.get(top)), project)
    }
    for name in own:
        del sys.modules[name]
    if own:
        # A local SDK registers its classes with pulumi, which refuses to register them twice.
        registries: list[dict[str, list[Any]]] = [rpc._RESOURCE_PACKAGES, rpc._RESOURCE_MODULES]  # noqa: SLF001
        for registered in (items for registry in registries for items in registry.values()):
            registered[:] = [item for item in registered if type(item).__module__ not in own]


def _place_of(module: ModuleType | None) -> Path | None:
    place = next(iter(getattr(module, "__path__", ())), None) or getattr(module, "__file__", None)
    return Path(place) if place else None


def _is_own(path: Path | None, project: Path) -> bool:
    """Return whether a file or folder is the project's own, and not part of a package installed in its folder."""
    return path is not None and path.is_relative_to(project) and "site-packages" not in path.parts


def _said_by(error: Exception) -> str:
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    line = f"{type(error).__name__}: {said}" if said else type(error).__name__
    if isinstance(error, ModuleNotFoundError):
        line += f"; the fleet uses the Python in {sys.prefix}, so install the module there"
    return line
