"""Runs the command that prints a tenant's credentials: no shell, bounded in time and output, nothing of it logged."""

from __future__ import annotations

import os
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
from kzero_scim.fleet.credentials.variables import LARGEST, secrets_in
from kzero_scim.redaction import Redactor

SECONDS: Final = 60.0
"""How long the command may take for one tenant."""
_MOST_SAID: Final = 300
"""Characters of what the command says of its failure."""


def printed(words: Sequence[str], folder: Path, environment: Mapping[str, str], seconds: float = SECONDS) -> bytes:
    """Run a command and give its standard output, one byte more than is allowed at most.

    Args:
        words: The program and its arguments. A program with a slash in it is looked for in the folder.
        folder: Where it runs.
        environment: Its environment; it finds the program on the PATH of it.
        seconds: How long it may take. It is killed then, with whatever it started.

    Raises:
        ValueError: It cannot be started, failed, or took too long: a clause to follow its name. What it says on
            standard error is told without the secrets of its environment; its output never is.
    """
    program = str(folder / words[0]) if "/" in words[0] else shutil.which(words[0], path=environment.get("PATH"))
    if program is None:
        message = "is not on PATH"
        raise ValueError(message)
    try:
        process = subprocess.Popen(  # noqa: S603 - the project's own words, never a shell
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
        raise ValueError(_failure(process.returncode, said, environment))
    return output


def _outputs(process: subprocess.Popen[bytes], until: float) -> tuple[bytes, bytes]:
    """Read both pipes to their end, or until one has given too much; then wait for the process."""
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


def _failure(code: int, said: bytes, environment: Mapping[str, str]) -> str:
    redactor = Redactor()
    redactor.learn(secrets_in(environment))
    lines = said.decode(errors="replace").strip().splitlines()
    ended = f"was killed by signal {-code}" if code < 0 else f"ended with exit code {code}"
    if not lines:
        return f"{ended} and said nothing; run it by hand to see why"
    return f"{ended}: {one_line(redactor.redact(lines[-1]))[:_MOST_SAID]}"
