"""Runs a real Pulumi engine with a provider in the test's process, which the test can inspect and change.

This is a port of Pulumi's own `providertest/pulumitest`: an inline program, a state folder per test, and
``PULUMI_DEBUG_PROVIDERS``, which makes the engine attach to a running provider.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import json
import logging
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from pulumi import automation

from kzero_scim.provider.engine.adapter import Adapter, start
from kzero_scim.provider.package import Package
from kzero_scim.resource.paths import parse_path

# At any time after the engine has left a program, this logger reports the program's end with a traceback. pytest would
# keep the traceback, and with it the program's loop and sockets, alive.
logging.getLogger("grpc._server").disabled = True

Program = Callable[[], None]
Naming = Callable[[str], str]
"""Returns a resource's name in a test from its URN."""


def by_name(urn: str) -> str:
    """Return the name that the program gave the resource."""
    return urn.rsplit("::", 1)[-1]


class AttachedProvider:
    """Serves a package from a thread with its own event loop.

    Attributes:
        name: The package's name.
        port: Its port on the loopback interface.
    """

    def __init__(self, package: Package) -> None:
        """Prepare to serve. The server starts when the context is entered."""
        self.name = package.name
        self.port = 0
        self._package = package
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"provider-{package.name}", daemon=True)

    def __enter__(self) -> Self:
        """Start the server."""
        self._thread.start()
        self._adapter, self._server, self.port = self._run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        """Stop the server, as at the end of a process."""
        self._run(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Any) -> Any:  # noqa: ANN401 - a coroutine and its result
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout=30)

    async def _start(self) -> tuple[Adapter, Any, int]:
        adapter = Adapter(self._package)
        server, port = await start(adapter)
        return adapter, server, port

    async def _stop(self) -> None:
        await self._adapter.aclose()
        await self._server.stop(grace=None)


@dataclass
class Step:
    """What the engine does to a resource, or would do.

    Attributes:
        op: ``create``, ``update``, ``replace``, ``delete``, ``read``, ``refresh``, ``same``, ``import``.
        diff: Values before and after by property path, as an operator sees them; None if there is no value.
        kinds: Kind of change by property path: ``add``, ``update-replace``, ...
    """

    op: str
    diff: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)


@dataclass
class Run:
    """One run of the engine.

    Attributes:
        naming: Returns the resources' names.
        steps: Steps by resource, including ``same`` steps, but without providers and the stack itself.
        summary: Number of resources by operation.
        diagnostics: Severity and text of the resources' messages, including errors.
        output: The complete output.
    """

    naming: Naming = by_name
    steps: dict[str, Step] = field(default_factory=dict)
    summary: dict[str, int] = field(default_factory=dict)
    diagnostics: list[tuple[str, str]] = field(default_factory=list)
    output: str = ""

    @property
    def changes(self) -> dict[str, Step]:
        """The steps that change one of the program's resources."""
        return {name: step for name, step in self.steps.items() if step.op not in {"same", "read", "refresh"}}

    @property
    def errors(self) -> list[str]:
        """The error messages."""
        return [text for severity, text in self.diagnostics if severity == "error"]

    @property
    def messages(self) -> str:
        """The resources' messages to the operator, one per line."""
        return "\n".join(text for severity, text in self.diagnostics if severity != "debug")

    def take(self, event: automation.EngineEvent) -> None:
        """Record one event of the engine."""
        if event.diagnostic_event is not None:
            self.diagnostics.append((event.diagnostic_event.severity, event.diagnostic_event.message.strip()))
        if event.summary_event is not None:
            self.summary = {str(op): count for op, count in event.summary_event.resource_changes.items()}
        found = event.resource_pre_event or event.res_outputs_event
        if found is not None and not found.metadata.type.startswith("pulumi:") and found.metadata.op.value != "refresh":
            self._step(found.metadata, finished=event.resource_pre_event is None)

    def _step(self, metadata: automation.events.StepEventMetadata, *, finished: bool) -> None:
        name = self.naming(metadata.urn)
        old = metadata.old.outputs if metadata.old else {}
        new = metadata.new.outputs if metadata.new else {}
        # In a preview, the planned outputs are in the event before the step's.
        inputs = metadata.new.inputs if metadata.new else {}
        step = Step(metadata.op.value)
        for path, change in (metadata.detailed_diff or {}).items():
            after = _at(new, path) if _at(new, path) is not None else _at(inputs, path)
            step.diff[path] = (_at(old, path), after)
            step.kinds[path] = change.diff_kind.value
        if finished and name in self.steps and not step.diff:
            step.diff, step.kinds = self.steps[name].diff, self.steps[name].kinds
        self.steps[name] = step


def _at(value: Any, path: str) -> Any:  # noqa: ANN401 - any property value
    for element in parse_path(path):
        if isinstance(value, list):
            value = value[int(element)] if int(element) < len(value) else None
        elif isinstance(value, Mapping):
            value = value.get(element)
    return value


class RunFailedError(AssertionError):
    """The engine failed. :attr:`run` has its messages."""

    def __init__(self, run: Run) -> None:
        """Store the run."""
        super().__init__()
        self.run = run

    def __str__(self) -> str:
        """Return the engine's output."""
        return self.run.output


@functools.cache
def _command() -> automation.PulumiCommand:
    """Return the Pulumi CLI. Cached, because creating the object starts the CLI to read its version."""
    # Exclude the modules imported so far from the collection after each run.
    gc.freeze()
    own = Path(sys.prefix) / "bin" / "pulumi"
    return automation.PulumiCommand(root=sys.prefix if own.exists() else None)


class _Stack(automation.Stack):
    """A stack that does not read outputs and history after each run, which would start the CLI three more times."""

    def __init__(self, made: automation.Stack) -> None:
        vars(self).update(vars(made))

    def outputs(self) -> automation.OutputMap:
        return {}

    def info(self, show_secrets: bool = True) -> automation.UpdateSummary:  # noqa: FBT001, FBT002 - as inherited
        del show_secrets
        return automation.UpdateSummary("", datetime.now(UTC), "", {}, {}, "")


class EngineStack:
    """One stack with one inline program and its state in the test's folder.

    Args:
        program: Declares the resources. Tests may replace it between runs (:attr:`program`).
        directory: Folder for the state and the engine's home.
        providers: The attached providers.
        config: The stack's configuration by key, for example ``kzero:realm``.
        secrets: Secret configuration.
        environment: Further environment variables of the engine.
        naming: Returns the resources' names, for programs in which names repeat.
    """

    def __init__(  # noqa: PLR0913 - one keyword per fact
        self,
        program: Program,
        directory: Path,
        providers: list[AttachedProvider],
        *,
        config: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
        naming: Naming = by_name,
    ) -> None:
        """Select the stack, or create it."""
        state = directory / "state"
        state.mkdir(parents=True, exist_ok=True)
        self._state = state
        self._naming = naming
        self.program = program
        self.printed: list[str] = []
        self._exported: tuple[str, str] | None = None
        made = automation.create_or_select_stack(
            stack_name="test",
            project_name="engine-tests",
            program=self._declare,
            opts=automation.LocalWorkspaceOptions(
                work_dir=str(directory),
                pulumi_home=str(directory / "home"),
                pulumi_command=_command(),
                project_settings=automation.ProjectSettings(
                    name="engine-tests",
                    runtime="python",
                    backend=automation.ProjectBackend(url=state.as_uri()),
                ),
                env_vars={
                    "PULUMI_CONFIG_PASSPHRASE": "for tests",
                    "PULUMI_SKIP_UPDATE_CHECK": "true",
                    "PULUMI_DEBUG_PROVIDERS": ",".join(f"{item.name}:{item.port}" for item in providers),
                    "NO_PROXY": "127.0.0.1,localhost",
                    **(environment or {}),
                },
            ),
        )
        self._stack = _Stack(made)
        if config or secrets:
            self.configure(config or {}, secrets)

    def configure(self, config: Mapping[str, str], secrets: Mapping[str, str] | None = None) -> None:
        """Set keys of the configuration and keep the others."""
        values = {key: automation.ConfigValue(value) for key, value in config.items()}
        values |= {key: automation.ConfigValue(value, secret=True) for key, value in (secrets or {}).items()}
        self._stack.set_all_config(values)

    def configuration(self) -> dict[str, dict[str, Any]]:
        """Return the configuration, as in `pulumi config --json --show-secrets`."""
        values = self._stack.get_all_config()
        return {key: {"value": item.value, "secret": item.secret} for key, item in values.items()}

    def _declare(self) -> None:
        # Look the program up in each run, because tests replace it.
        self.program()

    def up(self, **options: Any) -> Run:  # noqa: ANN401 - options of the Automation API
        """Run ``pulumi up``."""
        return self._run(self._stack.up, **options)

    def preview(self, **options: Any) -> Run:  # noqa: ANN401 - options of the Automation API
        """Run ``pulumi preview``. With ``refresh=True``, it reads the services first."""
        return self._run(self._stack.preview, **options)

    def refresh(self, **options: Any) -> Run:  # noqa: ANN401 - options of the Automation API
        """Run ``pulumi refresh``."""
        return self._run(self._stack.refresh, **options)

    def preview_refresh(self, **options: Any) -> Run:  # noqa: ANN401 - options of the Automation API
        """Run ``pulumi refresh --preview-only``."""
        return self._run(self._stack.preview_refresh, **options)

    def destroy(self, **options: Any) -> Run:  # noqa: ANN401 - options of the Automation API
        """Run ``pulumi destroy``."""
        return self._run(self._stack.destroy, **options)

    def preview_destroy(self, **options: Any) -> Run:  # noqa: ANN401 - options of the Automation API
        """Run ``pulumi destroy --preview-only``."""
        return self._run(self._stack.preview_destroy, **options)

    def outputs(self) -> dict[str, Any]:
        """Return the stack's outputs, secret ones in clear."""
        return {name: output.value for name, output in self._stack.workspace.stack_outputs("test").items()}

    def state(self) -> dict[str, dict[str, Any]]:
        """Return the resources of the exported state by name, without providers and the stack itself."""
        resources = (self.export() or {}).get("resources") or []
        own = [item for item in resources if not item["type"].startswith("pulumi:")]
        return {self._naming(item["urn"]): item for item in own}

    def stored(self) -> str:
        """Return the backend's files, with encrypted secrets, as a thief would read them."""
        return "".join(file.read_text() for file in self._state.rglob("*.json"))

    def export(self) -> dict[str, Any]:
        """Return the exported state with secrets in clear. Starts the CLI only if the state has changed."""
        stored = self.stored()
        if self._exported is None or self._exported[0] != stored:
            self._exported = stored, json.dumps(self._stack.export_stack().deployment or {})
        found: dict[str, Any] = json.loads(self._exported[1])
        return found

    def _run(self, operation: Callable[..., Any], **options: Any) -> Run:  # noqa: ANN401 - options of the Automation API
        run = Run(self._naming)
        lines: list[str] = []
        # Both streams go to one list, in the order in which an operator would see them.
        options = {"on_output": lines.append, "on_error": lines.append, "color": "never", **options}
        failed: RunFailedError | None = None
        try:
            operation(on_event=run.take, **options)
        except automation.CommandError as error:
            lines.append(str(error))
            failed = RunFailedError(run)
        run.output = "\n".join(lines)
        self.printed += lines
        # Outside the handler, because the error's traceback refers to what must be collected.
        collect_what_runs_leave()
        if failed is not None:
            raise failed
        return run


def collect_what_runs_leave() -> None:
    """Destroy what pulumi 3.272 leaves behind after a run with an inline program: event loops, unfinished coroutines.

    They complain when they are collected, which must not happen in the midst of something else.
    """
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        gc.collect()
    finally:
        sys.unraisablehook = hook
