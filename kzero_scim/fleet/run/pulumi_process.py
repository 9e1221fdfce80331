"""The Pulumi CLI as a process of its own session: no signal of the terminal reaches it, and all of it can be ended."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from pulumi import automation
from pulumi.automation.errors import create_command_error
from semver import VersionInfo

from kzero_scim.fleet.run import engine_session

if TYPE_CHECKING:
    from pulumi.automation import CommandResult, OnOutput


class PulumiProcess(automation.PulumiCommand):
    """Runs the CLI for the Automation API, in the environment that it is given and nothing besides.

    Args:
        path: The CLI.
        version: Its version, so that none has to be asked for it: that takes a tenth of a second.
        started: Told the process's id, which is also that of its session, as soon as there is one; 0 at its end.
    """

    def __init__(self, path: str, version: str, started: Callable[[int], None]) -> None:
        """Run nothing yet. Unlike the base class, ask the CLI nothing."""
        self.command = path
        self.version = VersionInfo.parse(version.removeprefix("v"))
        self._started = started
        self.exit_code = 0
        """The last process', negative for the signal that ended it."""
        self.complaints = ""
        """What the last process told on standard error."""

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnOutput | None = None,
        on_error: OnOutput | None = None,
    ) -> CommandResult:
        """Run a command, as the base class does.

        Raises:
            automation.CommandError: It failed.
        """
        process = subprocess.Popen(  # noqa: S603 - the CLI's own words, no shell
            [self.command, "--non-interactive", *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={**os.environ, **additional_env, "PULUMI_AUTOMATION_API": "true"},
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self._started(process.pid)
        told: list[list[str]] = [[], []]
        readers = [
            threading.Thread(target=_read, args=(stream, callback, lines), daemon=True)
            for stream, callback, lines in zip(
                (process.stdout, process.stderr), (on_output, on_error), told, strict=True
            )
        ]
        for reader in readers:
            reader.start()
        self.exit_code = code = process.wait()
        if code < 0:
            # What was killed leaves its plugins behind, which hold the pipes open.
            engine_session.end(process.pid)
        for reader in readers:
            reader.join()
        self._started(0)
        self.complaints = "\n".join(told[1])
        result = automation.CommandResult(stdout="\n".join(told[0]), stderr=self.complaints, code=code)
        if code:
            raise create_command_error(result)
        return result


def _read(stream: object, callback: OnOutput | None, lines: list[str]) -> None:
    with stream as opened:  # type: ignore[attr-defined] # a text stream
        for line in opened:
            lines.append(line.rstrip())
            if callback:
                callback(lines[-1])
