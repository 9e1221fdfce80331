"""A real Pulumi engine with a provider inside the test's own process, so that the test can see and change what it sees.

The port of Pulumi's own `providertest/pulumitest`: an inline program, a state directory of the test's, and
``PULUMI_DEBUG_PROVIDERS``, by which the engine attaches to a provider that runs already.
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

# It logs the end of a program that the engine has left, at any time after it, with a traceback that pytest would keep
# alive, and with it the program's loop and sockets.
logging.getLogger("grpc._server").disabled = True

Program = Callable[[], None]
Naming = Callable[[str], str]
"""What a resource is called in a test, from its URN."""


def by_name(urn: str) -> str:
    """Call a resource by the name that the program gave it."""
    return urn.rsplit("::", 1)[-1]


class AttachedProvider:
    """Serves a package from a thread with a loop of its own.

    Attributes:
        name: The package's name.
        port: Where it is served on the loopback interface.
    """

    def __init__(self, package: Package) -> None:
        """Serve nothing before it is entered as a context."""
        self.name = package.name
        self.port = 0
        self._package = package
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"provider-{package.name}", daemon=True)

    def __enter__(self) -> Self:
        """Serve."""
        self._thread.start()
        self._adapter, self._server, self.port = self._run(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        """Stop, as at the end of the process."""
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
    """What the engine does, or would do, to one resource.

    Attributes:
        op: ``create``, ``update``, ``replace``, ``delete``, ``read``, ``refresh``, ``same``, ``import``.
        diff: By property path, the value before and the value after, as an operator is shown them; None for none.
        kinds: By property path, the kind of change: ``add``, ``update-replace``, ...
    """

    op: str
    diff: dict[str, tuple[Any, Any]] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)


@dataclass
class Run:
    """One run of the engine.

    Attributes:
        naming: What resources are called.
        steps: By resource, the step that was, or would be, taken; ``same`` steps included, providers and the stack
            itself not.
        summary: How many resources by operation.
        diagnostics: What was said below resources, errors included: severity and text.
        output: Everything that was printed.
    """

    naming: Naming = by_name
    steps: dict[str, Step] = field(default_factory=dict)
    summary: dict[str, int] = field(default_factory=dict)
    diagnostics: list[tuple[str, str]] = field(default_factory=list)
    output: str = ""

    @property
    def changes(self) -> dict[str, Step]:
        """The steps that change something, of the program's own resources."""
        return {name: step for name, step in self.steps.items() if step.op not in {"same", "read", "refresh"}}

    @property
    def errors(self) -> list[str]:
        """The error messages."""
        return [text for severity, text in self.diagnostics if severity == "error"]

    @property
    def told(self) -> str:
        """What an operator is told below resources, a line each."""
        return "\n".join(text for severity, text in self.diagnostics if severity != "debug")

    def take(self, event: automation.EngineEvent) -> None:
        """Note one event of the engine."""
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
        # During a preview the planned outputs stand in the event before the step's.
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
    """The engine ended with an error; what it said is in :attr:`run`."""

    def __init__(self, run: Run) -> None:
        """Keep the run."""
        super().__init__()
        self.run = run

    def __str__(self) -> str:
        """Show what the engine said."""
        return self.run.output


@functools.cache
def _command() -> automation.PulumiCommand:
    """Return the Pulumi CLI; made once, because that starts it to ask for its version."""
    # What is imported by now stays: the collection after each run need not search it.
    gc.freeze()
    own = Path(sys.prefix) / "bin" / "pulumi"
    return automation.PulumiCommand(root=sys.prefix if own.exists() else None)


class _Stack(automation.Stack):
    """Skips the questions for outputs and history after each run, which start the CLI three more times."""

    def __init__(self, made: automation.Stack) -> None:
        vars(self).update(vars(made))

    def outputs(self) -> automation.OutputMap:
        return {}

    def info(self, show_secrets: bool = True) -> automation.UpdateSummary:  # noqa: FBT001, FBT002 - as inherited
        del show_secrets
        return automation.UpdateSummary("", datetime.now(UTC), "", {}, {}, "")


class EngineStack:
    """One stack over one inline program, with its state in a directory of the test's.

    Args:
        program: What to declare; may be replaced between runs (:attr:`program`).
        directory: For the state and the engine's home.
        providers: The attached providers.
        config: The stack's configuration by key, ``kzero:realm``.
        secrets: Configuration to be set as secret.
        environment: Further environment variables of the engine.
        naming: What resources are called; for a program in which names repeat.
    """

    def __init__(  # noqa: PLR0913 - one keyword a fact
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
        """Select the stack, or make it."""
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
        """Set keys of the configuration; others stay."""
        values = {key: automation.ConfigValue(value) for key, value in config.items()}
        values |= {key: automation.ConfigValue(value, secret=True) for key, value in (secrets or {}).items()}
        self._stack.set_all_config(values)

    def configuration(self) -> dict[str, dict[str, Any]]:
        """Give the configuration as `pulumi config --json --show-secrets` does."""
        values = self._stack.get_all_config()
        return {key: {"value": item.value, "secret": item.secret} for key, item in values.items()}

    def _declare(self) -> None:
        # Not the program itself: tests replace it between runs.
        self.program()

    def up(self, **options: Any) -> Run:  # noqa: ANN401 - those of the Automation API
        """Run ``pulumi up``."""
        return self._run(self._stack.up, **options)

    def preview(self, **options: Any) -> Run:  # noqa: ANN401 - likewise
        """Run ``pulumi preview``; ``refresh=True`` looks at the services first."""
        return self._run(self._stack.preview, **options)

    def refresh(self, **options: Any) -> Run:  # noqa: ANN401 - likewise
        """Run ``pulumi refresh``."""
        return self._run(self._stack.refresh, **options)

    def preview_refresh(self, **options: Any) -> Run:  # noqa: ANN401 - likewise
        """Run ``pulumi refresh --preview-only``."""
        return self._run(self._stack.preview_refresh, **options)

    def destroy(self, **options: Any) -> Run:  # noqa: ANN401 - likewise
        """Run ``pulumi destroy``."""
        return self._run(self._stack.destroy, **options)

    def preview_destroy(self, **options: Any) -> Run:  # noqa: ANN401 - likewise
        """Run ``pulumi destroy --preview-only``."""
        return self._run(self._stack.preview_destroy, **options)

    def outputs(self) -> dict[str, Any]:
        """Give the stack's outputs, secret ones in clear."""
        return {name: output.value for name, output in self._stack.workspace.stack_outputs("test").items()}

    def state(self) -> dict[str, dict[str, Any]]:
        """Give the resources of the exported state by what they are called, providers and the stack itself left out."""
        resources = (self.export() or {}).get("resources") or []
        own = [item for item in resources if not item["type"].startswith("pulumi:")]
        return {self._naming(item["urn"]): item for item in own}

    def stored(self) -> str:
        """Give the state as it lies in the backend, secrets encrypted: what a thief of the file would read."""
        return "".join(file.read_text() for file in self._state.rglob("*.json"))

    def export(self) -> dict[str, Any]:
        """Export the state, secrets in clear; starts the CLI only if the state has changed since the last export."""
        stored = self.stored()
        if self._exported is None or self._exported[0] != stored:
            self._exported = stored, json.dumps(self._stack.export_stack().deployment or {})
        found: dict[str, Any] = json.loads(self._exported[1])
        return found

    def _run(self, operation: Callable[..., Any], **options: Any) -> Run:  # noqa: ANN401 - likewise
        run = Run(self._naming)
        lines: list[str] = []
        # One way out for both streams: what an operator would see, in order.
        options = {"on_output": lines.append, "on_error": lines.append, "color": "never", **options}
        failed: RunFailedError | None = None
        try:
            operation(on_event=run.take, **options)
        except automation.CommandError as error:
            lines.append(str(error))
            failed = RunFailedError(run)
        run.output = "\n".join(lines)
        self.printed += lines
        # Outside the handler: the error's traceback holds what is to be collected.
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
