"""Runs Pulumi's engine for one tenant, with the program and the provider in this process.

One tenant at a time: while it runs, the process has the tenant's environment and working directory. These are reset
for the next one: environment, folder, temporary files, modules of the project, provider, connections and tokens.
"""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pulumi
from pulumi import automation
from pulumi.automation._stack import StackInitMode  # not exported; Stack.select makes none of our kind

from kzero_scim.display import one_line
from kzero_scim.errors import KzeroScimError, SettingsError, unforeseen
from kzero_scim.fleet.model import Command, Outcome, TenantResult
from kzero_scim.fleet.portals import portals_of
from kzero_scim.fleet.run import pulumi_home
from kzero_scim.fleet.run.engine_events import EngineEvents, as_one_line
from kzero_scim.fleet.run.project_program import REPORTED, ProjectProgram, leaving_nothing
from kzero_scim.fleet.run.pulumi_process import PulumiProcess
from kzero_scim.fleet.run.refresh_hosts import require_hosts
from kzero_scim.fleet.run.tenant_log import TenantLog
from kzero_scim.guide.checklist import from_output
from kzero_scim.provider.engine.attached import attached, collect_what_a_run_leaves
from kzero_scim.provider.package import KZERO
from kzero_scim.redaction import Redactor, current, redacted, using
from kzero_scim.secret_variables import secrets_of
from kzero_scim.settings.tenant_settings import configuration
from kzero_scim.stack.recovery import recover
from kzero_scim.stack.stack import line_break_hint, reason_of

Told = Callable[[str, Any], None]
"""Receives progress: ``("engine", process ID)``, ``("doing", the engine's present step)``."""


@dataclass(frozen=True, kw_only=True)
class TenantRun:
    """One run for one tenant.

    Attributes:
        command: Preview, up or refresh.
        tenant: The stack's name.
        folder: The project's folder.
        secrets: Further secrets of the tenant.
        environment: The tenant's whole environment.
        refresh: Whether to read both sides before a preview or an up.
        cli: The Pulumi CLI.
        cli_version: The CLI's version.
        log: The tenant's log file.
    """

    command: Command
    tenant: str
    folder: Path
    environment: Mapping[str, str] = field(repr=False)
    secrets: Sequence[str] = field(default=(), repr=False)
    refresh: bool
    cli: str
    cli_version: str
    log: Path


def run_tenant(run: TenantRun, told: Told) -> TenantResult:
    """Run one tenant and return its result. Any failure is the result's error, in one line."""
    began = time.monotonic()
    redactor = Redactor([*secrets_of(run.environment), *run.secrets])
    try:
        opened = TenantLog(run.log, redactor)
    except SettingsError as error:
        failed = _failed(run, one_line(redactor.redact(str(error))))
        return replace(failed, seconds=round(time.monotonic() - began, 3))
    with using(redactor), opened as log:
        log.write(f"kzero-scim fleet {run.command} of {run.tenant}, {datetime.now(UTC):%Y-%m-%d} UTC")
        try:
            with _as_tenant(run), leaving_nothing(run.folder), _printing_to(log):
                result = _Engine(run, log, told).result()
        except KzeroScimError as error:
            result = _failed(run, str(error))
        except Exception as error:  # noqa: BLE001 - the last resort: one tenant's failure alone
            result = _failed(run, unforeseen(error, []))
        result = redacted(replace(result, error=one_line(redactor.line(result.error))))
        result = replace(result, tenant=run.tenant)
        log.write(f"{result.outcome}{': ' if result.error else ''}{result.error}")
        if log.problem:
            result = replace(result, warnings=[*result.warnings, log.problem])
    return _timed(result, run, time.monotonic() - began)


class _Engine:
    """One run of the engine and its events."""

    def __init__(self, run: TenantRun, log: TenantLog, told: Told) -> None:
        self._run = run
        self._log = log
        self._redactor = current()
        self._told = told
        self._program = ProjectProgram.of(run.folder)
        self._events = EngineEvents(refreshing=run.command is Command.REFRESH, rewrite=self._program.rewrite)
        self._problems: list[str] = []
        self._process = PulumiProcess(run.cli, run.cli_version, lambda pid: told("engine", pid))

    def result(self) -> TenantResult:
        run = self._run
        if run.refresh or run.command is Command.REFRESH:
            require_hosts(run.tenant, run.folder, run.environment)
        try:
            with attached(KZERO, current(), lambda: self._process.pid) as port:
                self._perform(port)
        except automation.StackNotFoundError:
            return _failed(
                run, f"stack {run.tenant} has never been applied, so there is nothing to refresh; run `fleet up` first"
            )
        except automation.CommandError:
            return self._broken_off()
        finally:
            collect_what_a_run_leaves()
        return self._told_by_events()

    def _perform(self, port: int) -> None:
        run = self._run
        variables = {"PULUMI_DEBUG_PROVIDERS": f"{KZERO.name}:{port}", "PULUMI_SKIP_UPDATE_CHECK": "true"}
        stack = self._stack(run.folder, variables)
        try:
            self._operate(stack)
        except automation.StackNotFoundError:
            if run.command is Command.REFRESH:
                raise
            if run.command is Command.UP:
                self._init(run.folder, variables)
                self._operate(stack)
            else:
                self._preview_first(variables)

    def _preview_first(self, variables: Mapping[str, str]) -> None:
        """Preview a stack that does not exist yet, against an empty one in a temporary folder."""
        run = self._run
        self._log.write("the stack does not exist yet: previewing against an empty one in a temporary folder")
        with tempfile.TemporaryDirectory() as folder:
            project, state = Path(folder, "project"), Path(folder, "state")
            (project / "stacks").mkdir(parents=True)
            state.mkdir()
            # A copy, because `stack init` writes to the stack file.
            stack_file = f"stacks/Pulumi.{run.tenant}.yaml"
            (project / stack_file).write_bytes((run.folder / stack_file).read_bytes())
            for entry in run.folder.iterdir():
                if entry.name != "stacks":
                    (project / entry.name).symlink_to(entry)
            local = {**variables, "PULUMI_BACKEND_URL": state.as_uri()}
            self._init(project, local)
            self._operate(self._stack(project, local))

    def _stack(self, folder: Path, variables: Mapping[str, str]) -> _Stack:
        workspace = _Workspace(
            work_dir=str(folder), pulumi_command=self._process, program=self._declare, env_vars=variables
        )
        return _Stack(self._run.tenant, workspace, StackInitMode.SELECT)

    def _init(self, folder: Path, variables: Mapping[str, str]) -> None:
        arguments = ["stack", "init", self._run.tenant, "--no-select"]
        self._process.run(arguments, str(folder), variables, self._log.write, self._log.write)

    def _operate(self, stack: _Stack) -> None:
        run = self._run
        options: dict[str, Any] = {
            "on_output": self._log.write,
            "on_error": self._log.write,
            "on_event": self._take,
            "color": "never",
        }
        # The results are ignored: the events contain more.
        if run.command is Command.PREVIEW:
            stack.preview(refresh=run.refresh, **options)
        elif run.command is Command.UP:
            stack.up(refresh=run.refresh, **options)
        else:
            stack.refresh(**options)

    def _declare(self) -> None:
        for key, value in configuration().items():
            if pulumi.runtime.is_config_secret(key):
                self._redactor.learn(value)
        try:
            self._program.run(self._log.write)
        except pulumi.RunError as error:
            if str(error) != REPORTED:
                self._problems.append(str(error))
            raise

    def _take(self, event: automation.EngineEvent) -> None:
        doing = self._events.take(event)
        if doing:
            self._told("doing", self._redactor.redact(doing))

    def _told_by_events(self) -> TenantResult:
        run, events = self._run, self._events
        changes, drift = events.changes, events.drift
        if run.command is Command.REFRESH:
            outcome = Outcome.DRIFTED if drift else Outcome.UNCHANGED
        elif drift and run.command is Command.PREVIEW:
            outcome = Outcome.DRIFTED
        else:
            outcome = Outcome.CHANGED if changes else Outcome.UNCHANGED
        return TenantResult(
            tenant=run.tenant,
            outcome=outcome,
            changes=changes,
            drift=drift if run.command is not Command.UP else [],
            warnings=events.warnings,
            checklist=from_output(events.outputs.get("checklist")) if run.command is Command.UP else [],
            portals=portals_of(events.outputs),
        )

    def _broken_off(self) -> TenantResult:
        run, events = self._run, self._events
        told = [line for line in events.errors if line != REPORTED]
        lines = list(map(as_one_line, self._problems)) or told or [reason_of(self._process.complaints)]
        if self._process.exit_code < 0:
            lines = [f"the engine was killed by signal {-self._process.exit_code}", *lines]
        # A line that introduces the next ones ends with a colon.
        reason = (
            "; ".join(filter(None, lines)).replace(":; ", ": ")
            or f"pulumi failed with exit code {self._process.exit_code}"
        )
        reason += line_break_hint(run.environment)
        warnings = [*events.warnings, *self._freed()]
        # The result includes what was applied before the failure.
        changes = events.changes if run.command is Command.UP else []
        return TenantResult(tenant=run.tenant, outcome=Outcome.FAILED, error=reason, changes=changes, warnings=warnings)

    def _freed(self) -> list[str]:
        """Unlock the stack if the engine was killed, because its lock remains."""
        if self._process.exit_code >= 0:
            return []
        try:
            return recover(self._run.tenant, self._run.folder)
        except KzeroScimError as error:
            return [f"the stack may still be locked; run `kzero-scim recover {self._run.tenant}` to unlock it: {error}"]


class _Workspace(automation.LocalWorkspace):
    """Does not write the "current stack": every command names its stack."""

    def select_stack(self, stack_name: str) -> None:
        """Do nothing. The first command reports a stack that does not exist."""


class _Stack(automation.Stack):
    """Requests nothing after a run: that would be two more runs of the CLI, and the events contain everything."""

    def outputs(self) -> automation.OutputMap:
        """Return no outputs."""
        return {}

    def info(self, show_secrets: bool = True) -> automation.UpdateSummary | None:  # noqa: FBT001, FBT002 - the base's
        """Return an empty summary."""
        del show_secrets
        return automation.UpdateSummary("", datetime.now(UTC), "", {}, {}, "")


class _Printed(io.TextIOBase):
    """Writes what a program prints to the tenant's log."""

    def __init__(self, log: TenantLog) -> None:
        self._log = log
        self._begun = ""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        *lines, self._begun = f"{self._begun}{text}".split("\n")
        for line in lines:
            self._log.write(line)
        return len(text)


@contextlib.contextmanager
def _printing_to(log: TenantLog) -> Iterator[None]:
    printed = _Printed(log)
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        yield


@contextlib.contextmanager
def _as_tenant(run: TenantRun) -> Iterator[None]:
    """Set the tenant's environment, the project's folder and a temporary folder in this process during the block."""
    before, folder = dict(os.environ), Path.cwd()
    with tempfile.TemporaryDirectory(prefix="kzero-scim-") as temporary:
        changed = {"TMPDIR": temporary}
        # For debugging, keep Pulumi's own logs.
        if run.environment.get("KZERO_DEBUG") != "1":
            changed[pulumi_home.VARIABLE] = str(pulumi_home.make_home(run.environment, Path(temporary)))
        _set_environment({**run.environment, **changed})
        os.chdir(run.folder)
        try:
            yield
        finally:
            os.chdir(folder)
            _set_environment(before)


def _set_environment(variables: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)
    # Python caches the folder for temporary files.
    tempfile.tempdir = None


def _failed(run: TenantRun, reason: str) -> TenantResult:
    return TenantResult(tenant=run.tenant, outcome=Outcome.FAILED, error=reason)


def _timed(result: TenantResult, run: TenantRun, seconds: float) -> TenantResult:
    log = run.log.relative_to(run.folder) if run.log.is_relative_to(run.folder) else run.log
    return replace(result, seconds=round(seconds, 3), log=str(log))
