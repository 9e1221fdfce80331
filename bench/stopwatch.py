"""Runs Pulumi commands on a stack and measures their time and the requests that the sandbox receives."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx

from bench import figures, memory, projects
from bench.figures import Operation, Sample
from bench.memory import Memory
from tools.problem import Problem

_COMMANDS: Final[Mapping[Operation, tuple[str, ...]]] = {
    "up": ("up", "--yes"),
    # A preview that finds changes would measure something else, so it must fail.
    "preview": ("preview", "--expect-no-changes"),
    "refresh": ("preview", "--refresh", "--expect-no-changes"),
    "destroy": ("destroy", "--yes"),
}


@dataclass(frozen=True, kw_only=True)
class Stack:
    """A stack to measure.

    Attributes:
        project: Folder of its project.
        name: Its name.
        program: The Pulumi CLI.
        env: Environment of the commands.
        entra: Client of the local Entra.
        kzero: Client of the KZero front.
        weigh: Whether to measure memory too, which costs a few percent of the time.
    """

    project: Path
    name: str
    program: Path
    env: dict[str, str] = field(repr=False)
    entra: httpx.Client
    kzero: httpx.Client
    weigh: bool = False

    @contextmanager
    def made(self, settings: Mapping[str, Any]) -> Iterator[None]:
        """Create the stack, and remove it when the block ends."""
        projects.write_stack(self.project, self.name, settings)
        self._run("stack", "init", self.name)
        yield
        self._run("stack", "rm", "--yes", "--force", self.name)

    def measure(self, operation: Operation) -> Sample:
        """Run one command and return its sample.

        Raises:
            Problem: It failed, or found changes where there must be none.
        """
        for client in (self.entra, self.kzero):
            client.delete("/sandbox/requests").raise_for_status()
        began = time.perf_counter()
        found = self._run(*_COMMANDS[operation], "--stack", self.name)
        seconds = time.perf_counter() - began
        logs = [client.get("/sandbox/requests").raise_for_status().json() for client in (self.entra, self.kzero)]
        return Sample(seconds=seconds, requests=figures.count(*logs), memory=found)

    def _run(self, *words: str) -> Memory | None:
        with (
            tempfile.TemporaryFile() as output,
            subprocess.Popen(  # noqa: S603 - the project's own Pulumi CLI, no shell
                [self.program, "--non-interactive", "--color=never", *words],
                cwd=self.project,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            ) as process,
        ):
            found = self._weighed(process)
            if process.wait():
                output.seek(0)
                said = output.read().decode(errors="replace")
                message = f"pulumi {' '.join(words)} of {self.project.name} failed:\n{said}"
                raise Problem(message)
        return found

    def _weighed(self, process: subprocess.Popen[bytes]) -> Memory | None:
        if not (self.weigh and memory.is_known()):
            return None
        with memory.watching(process.pid) as peaks:
            process.wait()
        return peaks.memory()
