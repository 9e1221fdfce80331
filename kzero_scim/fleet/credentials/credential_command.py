"""Runs the command that prints a tenant's credentials: without a shell, limited in time and output, never logged."""

from __future__ import annotations

import os
import re
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from kzero_scim.display import one_line
from kzero_scim.fleet.credentials.variables import LARGEST
from kzero_scim.redaction import FIELD, REPLACEMENT, Redactor

SECONDS: Final = 60.0
"""Time limit of the command for one tenant."""
_QUOTED: Final = re.compile(r'"((?:[^"\\]|\\.)*)"\s*[,}]')
"""Values of a JSON object."""
_LIKE_A_SECRET: Final = re.compile(
    rf"(?P<before>{FIELD})(?=\S*\d)[^\s\"',;]{{8,}}"
    r"|(?<![\w./-])(?![0-9a-fA-F]{8}-[0-9a-fA-F]{4}-)(?=[\w+=~-]*\d)(?=[\w+=~-]*[A-Za-z])[\w+=~-]{16,}(?![\w./-])"
)
"""A long word with letters and digits that is no path, name of a host, or GUID; or the value of a field for secrets."""
_MOST_SAID: Final = 300
"""Longest error message of the command that is shown, in characters."""


def printed(words: Sequence[str], folder: Path, environment: Mapping[str, str], seconds: float = SECONDS) -> bytes:
    """Run a command and return its standard output, at most one byte more than allowed.

    Args:
        words: The program and its arguments. A program whose name contains a slash is relative to the folder.
        folder: The working directory.
        environment: The environment; its PATH finds the program.
        seconds: Time limit. After it, the command and all processes that it started are killed.

    Raises:
        ValueError: The command did not start, failed, or took too long. The message continues a sentence that starts
            with the command's name. It contains standard error without secrets, and never standard output.
    """
    program = str(folder / words[0]) if "/" in words[0] else shutil.which(words[0], path=environment.get("PATH"))
    if program is None:
        message = "is not on PATH"
        raise ValueError(message)
    try:
        process = subprocess.Popen(  # noqa: S603 - words from the project's file, no shell
            [program, *words[1:]],
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,  # so that all of it can be killed
        )
    except OSError as error:
        message = f"cannot be started: {error.strerror}"
        raise ValueError(message) from None
    with process:
        try:
            output, said = _outputs(process, time.monotonic() + seconds)
        except TimeoutError:
            _kill(process)
            message = f"took more than {seconds:g} s"
            raise ValueError(message) from None
        except BaseException:
            _kill(process)
            raise
    if process.returncode and len(output) <= LARGEST:
        raise ValueError(_failure(process.returncode, output, said, environment))
    return output


def _outputs(process: subprocess.Popen[bytes], until: float) -> tuple[bytes, bytes]:
    """Read both pipes to their end, or until one exceeds the limit; then wait for the process."""
    output, said = bytearray(), bytearray()
    with selectors.DefaultSelector() as selector:
        for pipe, read in ((process.stdout, output), (process.stderr, said)):
            if pipe is not None:
                selector.register(pipe, selectors.EVENT_READ, read)
        while selector.get_map():
            ready = selector.select(max(0.0, until - time.monotonic()))
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                piece = os.read(key.fd, 1 << 16)
                key.data.extend(piece)
                if not piece:
                    selector.unregister(key.fileobj)
                if len(key.data) > LARGEST:
                    _kill(process)
                    return bytes(output[: LARGEST + 1]), bytes(said)
    try:
        process.wait(max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise TimeoutError from None
    return bytes(output), bytes(said)


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


def _failure(code: int, output: bytes, said: bytes, environment: Mapping[str, str]) -> str:
    redactor = Redactor.of(environment)
    # It may have printed secrets before it failed.
    printed_lines = output.decode(errors="replace").splitlines()
    redactor.learn([part for line in printed_lines for part in (line, line.partition("=")[2].strip(" \"',;"))])
    redactor.learn(_QUOTED.findall(output.decode(errors="replace")))
    lines = said.decode(errors="replace").strip().splitlines()
    ended = f"was killed by signal {-code}" if code < 0 else f"failed with exit code {code}"
    if not lines:
        return f"{ended} without an error message; run it by hand to see why"
    # What it prints about its failure may hold a secret that nothing else names.
    shown = _LIKE_A_SECRET.sub(lambda match: (match["before"] or "") + REPLACEMENT, redactor.line(lines[-1]))
    return f"{ended}: {one_line(shown)[:_MOST_SAID]}"
