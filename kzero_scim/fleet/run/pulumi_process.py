"""Runs the Pulumi CLI in its own session, so that the terminal's signals do not reach it and it can be killed whole."""

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
from kzero_scim.stack.stack import without_options

if TYPE_CHECKING:
    from pulumi.automation import CommandResult, OnOutput


class PulumiProcess(automation.PulumiCommand):
    """Runs the CLI for the Automation API, only with the given environment.

    Args:
        path: The CLI.
        version: The CLI's version. Asking for it would take a tenth of a second.
        started: Called with the process ID, which is also the session ID, when the process starts, and with 0 at its
            end.
    """

    def __init__(self, path: str, version: str, started: Callable[[int], None]) -> None:
        """Start no process. The base class would run the CLI to find its version."""
        self.command = path
        self.version = VersionInfo.parse(version.removeprefix("v"))
        self._started = started
        self.pid = 0
        """The running process' ID, 0 while there is none."""
        self.exit_code = 0
        """Exit code of the last process; negative if a signal ended it."""
        self.complaints = ""
        """Standard error of the last process."""

    def run(
        self,
        args: list[str],
        cwd: str,
        additional_env: Mapping[str, str],
        on_output: OnOutput | None = None,
        on_error: OnOutput | None = None,
    ) -> CommandResult:
        """Run a command, like the base class.

        Raises:
            automation.CommandError: The command failed.
        """
        process = subprocess.Popen(  # noqa: S603 - fixed program, no shell
            [self.command, "--non-interactive", *args],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={**without_options(os.environ), **additional_env, "PULUMI_AUTOMATION_API": "true"},
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
        self.pid = process.pid
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
            # A killed engine leaves its plugins running, which hold the pipes open.
            engine_session.end(process.pid)
        for reader in readers:
            reader.join()
        self.pid = 0
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
