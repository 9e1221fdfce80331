"""A copy of the project with one stack, and the real `pulumi` and `kzero-scim` commands that run in it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from kzero_sandbox.running import RunningSandbox, Tenant

from bench import projects
from tools.python_env import VENV

STACK: Final = "faults"
_LONGEST: Final = 240.0
"""Time limit for a command, in seconds."""
_KEPT: Final = ("HOME", "LANG", "TMPDIR")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The outcome of a command.

    Attributes:
        command: The command line.
        code: The exit code, negative for a signal.
        text: The complete output.
        seconds: The run time.
        remaining: Command lines of processes that it left running.
        family: IDs of the processes that `kzero-scim recover` has to end.
    """

    command: str
    code: int
    text: str
    seconds: float
    remaining: tuple[str, ...] = ()
    family: tuple[int, ...] = ()

    @property
    def said(self) -> str:
        """The first line of the output that reports an error; empty if there is no such line."""
        lines = [line.strip() for line in self.text.splitlines()]
        errors = [line.partition("error: ")[2] for line in lines if "error: " in line]
        return next((line for line in errors if line not in ("update failed", "preview failed")), "")


@dataclass
class Project:
    """One stack of a tenant.

    Attributes:
        folder: The project's folder. State, backups and history are in `state` below it.
        pulumi: The Pulumi CLI.
        env: Environment of the commands.
        settings: The stack's settings by full key.
        outcomes: Outcomes of the commands so far.
    """

    folder: Path
    pulumi: Path
    env: dict[str, str] = field(repr=False)
    settings: dict[str, Any]
    outcomes: list[Outcome] = field(default_factory=list)

    @classmethod
    def make(cls, folder: Path, tenant: Tenant, sandbox: RunningSandbox, pulumi: Path) -> Project:
        """Write the project, create its stack and return it."""
        projects.tenant(folder)
        (folder / "state").mkdir()
        urls = sandbox.urls
        settings = projects.azuread_settings(sandbox.organisation.tenant_id, urls.entra.removeprefix("https://"))
        made = cls(
            folder=folder,
            pulumi=pulumi,
            env=_environment(folder, tenant, pulumi),
            settings=settings | projects.tenant_settings(urls.kzero, tenant.realm),
        )
        made.write({})
        begun = made.run("stack", "init", STACK)
        if begun.code:
            message = f"the stack could not be created: {begun.text}"
            raise RuntimeError(message)
        return made

    def write(self, changes: dict[str, Any]) -> None:
        """Change settings and write the stack file.

        Args:
            changes: Settings without the prefix `kzero-scim:`.
        """
        self.settings |= {f"kzero-scim:{key}": value for key, value in changes.items()}
        file = self.folder / "stacks" / f"Pulumi.{STACK}.yaml"
        kept = file.read_text(encoding="utf-8") if file.exists() else "{}"
        # Pulumi wrote the passphrase's salt into the file, as YAML after the settings.
        salt = [line for line in kept.splitlines() if line.startswith("encryptionsalt:")]
        file.write_text("\n".join([*salt, f"config: {json.dumps(self.settings)}", ""]), encoding="utf-8")

    def run(self, *words: str, env: dict[str, str] | None = None) -> Outcome:
        """Run `pulumi <words>` and return its outcome."""
        with self.started(*words, env=env) as running:
            return running.end()

    def up(self, *options: str) -> Outcome:
        """Run `pulumi up` without a fault and return its outcome."""
        return self.run(*self.up_words(), *options)

    @staticmethod
    def up_words() -> tuple[str, ...]:
        """Return the arguments of an `up` without questions."""
        return ("up", "--yes", "--skip-preview", "--stack", STACK)

    def kzero_scim(self, *words: str) -> Outcome:
        """Run the product's own command in the project's folder and return its outcome."""
        with self._start([str(VENV / "bin" / "kzero-scim"), *words], {}, None) as running:
            return running.end()

    @contextmanager
    def started(
        self, *words: str, env: dict[str, str] | None = None, before: Callable[[], None] | None = None
    ) -> Iterator[Running]:
        """Run `pulumi <words>` while the block runs, and kill it at the end of the block if it still runs.

        Args:
            words: The command.
            env: Further environment variables.
            before: Called in the new process before Pulumi starts in it.
        """
        command = [str(self.pulumi), "--non-interactive", "--color=never", *words]
        with self._start(command, env or {}, before) as running:
            yield running

    def export(self) -> dict[str, Any]:
        """Return the state, from `pulumi stack export`.

        Raises:
            ValueError: The state cannot be read.
        """
        outcome = self.run("stack", "export", "--stack", STACK)
        if outcome.code:
            message = f"the state cannot be read: {outcome.said or outcome.text}"
            raise ValueError(message)
        found: dict[str, Any] = json.loads(outcome.text)
        return found

    def written(self) -> Iterable[Path]:
        """Return the files that the commands left: state, backups and history, stack file."""
        return (path for path in self.folder.rglob("*") if path.is_file() and not path.is_symlink())

    def remove(self) -> None:
        """Remove the project's folder."""
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def _start(self, command: list[str], env: dict[str, str], before: Callable[[], None] | None) -> Iterator[Running]:
        def prepare() -> None:
            # A shell's background jobs ignore Ctrl-C, and their child processes inherit that.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            if before is not None:
                before()

        log = self.folder / f"command-{len(self.outcomes)}-{time.monotonic_ns()}.log"
        with log.open("w+b") as output:
            process = subprocess.Popen(  # noqa: S603 - the project's own programs, no shell
                command,
                cwd=self.folder,
                env=self.env | env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                # Its own process group, so that it can be interrupted as in a terminal.
                start_new_session=True,
                preexec_fn=prepare,  # noqa: PLW1509 - system calls only, no lock is taken
            )
            running = Running(process, " ".join(command[1:]), output, self.outcomes)
            try:
                yield running
            finally:
                if process.poll() is None:
                    process.kill()
                    process.wait()


class Running:
    """A running command."""

    def __init__(
        self, process: subprocess.Popen[bytes], command: str, output: IO[bytes], outcomes: list[Outcome]
    ) -> None:
        """Start the clock of a command that was started."""
        self._process = process
        self._command = command
        self._output = output
        self._outcomes = outcomes
        self._began = time.monotonic()

    @property
    def pid(self) -> int:
        """The process id, which is the engine's."""
        return self._process.pid

    @property
    def is_over(self) -> bool:
        """Whether the command has ended."""
        return self._process.poll() is not None

    def interrupt(self) -> None:
        """Interrupt the command as Ctrl-C in a terminal does."""
        os.killpg(self._process.pid, signal.SIGINT)

    def end(self, remaining: Iterable[str] = (), family: Iterable[int] = ()) -> Outcome:
        """Wait until the command ends, and store and return its outcome.

        Args:
            remaining: Command lines of processes that it left running, if known.
            family: IDs of the processes that `kzero-scim recover` has to end.

        Raises:
            TimeoutExpired: It did not end in time.
        """
        code = self._process.wait(_LONGEST)
        seconds = time.monotonic() - self._began
        self._output.seek(0)
        text = self._output.read().decode(errors="replace")
        outcome = Outcome(
            command=self._command,
            code=code,
            text=text,
            seconds=seconds,
            remaining=tuple(remaining),
            family=tuple(family),
        )
        self._outcomes.append(outcome)
        return outcome


def _environment(folder: Path, tenant: Tenant, pulumi: Path) -> dict[str, str]:
    """Return the variables of an operator's shell, without the other variables of this process."""
    inherited = {name: os.environ[name] for name in _KEPT if name in os.environ}
    path = [str(VENV / "bin"), str(pulumi.parent), os.environ.get("PATH", os.defpath)]
    own = {
        "PATH": os.pathsep.join(path),
        "VIRTUAL_ENV": str(VENV),
        "COLUMNS": "200",
        "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
        # azuread polls until Entra is consistent. Cases that need this delay add it as a fault.
        "AZUREAD_STANDIN_POLL_SECONDS": "0",
    }
    return inherited | tenant.env | own
