"""A fleet of four tenants in the sandbox, one of them hostile, and the real commands that run in its folder."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml
from kzero_sandbox.fleet import common_variables
from kzero_sandbox.fleet import fleet as sandbox_fleet
from kzero_sandbox.running import RunningSandbox
from kzero_sandbox.serving import listen, port_of

from bench import memory
from faults.processes import command, descendants
from hostile.between import Between, between
from hostile.server import HostileServer, hostile_servers
from tools.python_env import VENV

HOSTILE: Final = "tenant-003"
OTHERS: Final = ("tenant-001", "tenant-002", "tenant-004")
_KEPT: Final = ("stacks", "credentials", "state", "fleet.yaml")
_LONGEST: Final = 120.0
"""Seconds after which a command is killed, which is a failure of its case."""
_AZUREAD: Final = "azuread"
"""Part of the command line of azuread's stand-in. Like the plugin that it stands for, it reads answers of any size."""
_LOOK_SECONDS: Final = 0.05
_OF_MACHINE: Final = ("LANG", "TMPDIR")


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A command that has ended.

    Attributes:
        words: The command.
        code: Its exit code, negative for a signal.
        text: All its output.
        seconds: Its run time.
        megabytes: Peak memory of all its processes together.
        began: When it began, in seconds since 1970.
    """

    words: tuple[str, ...]
    code: int
    text: str
    seconds: float
    megabytes: float
    began: float


@dataclass
class Fleet:
    """The fleet.

    Attributes:
        folder: The project's folder.
        pulumi: The Pulumi CLI.
        env: The variables of a run, without any tenant's own.
        own: The hostile tenant's own variables.
        between: The hostile tenant's services.
        attacker: Another host, which must receive nothing.
        silent: An origin that accepts connections and never says anything, not even in TLS.
        secrets: All secrets by name.
        watched: Variables of the next run whose way into other processes is watched.
        environments: The environments of all processes below the last watched command, by process id.
    """

    folder: Path
    pulumi: Path
    env: dict[str, str] = field(repr=False)
    own: dict[str, str] = field(repr=False)
    between: Between
    attacker: HostileServer
    silent: str
    secrets: dict[str, str] = field(repr=False)
    watched: dict[str, str] = field(default_factory=dict, repr=False)
    environments: dict[int, bytes] = field(default_factory=dict, repr=False)

    @property
    def stack_file(self) -> Path:
        """The hostile tenant's stack file."""
        return self.folder / "stacks" / f"Pulumi.{HOSTILE}.yaml"

    @property
    def credential_file(self) -> Path:
        """The hostile tenant's credential file."""
        return self.folder / "credentials" / f"{HOSTILE}.env"

    @property
    def _backup(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}-backup")

    def filled(self, value: Any) -> Any:  # noqa: ANN401 - any setting
        """Return a value with ``{attacker}``, ``{attacker-host}``, ``{between}`` and ``{silent}`` filled in."""
        if not isinstance(value, str):
            return value
        places = {"attacker": self.attacker.url, "between": self.between.url, "silent": self.silent}
        for name, url in places.items():
            value = value.replace(f"{{{name}}}", url).replace(f"{{{name}-host}}", url.removeprefix("https://"))
        return value

    def general(self, text: str) -> str:
        """Return a text without what differs from run to run: folders and ports."""
        text = text.replace(f"{self.folder}/", "").replace(self.between.url, "https://service")
        return text.replace(self.attacker.url, "https://elsewhere").replace(self.silent, "https://silent")

    def configure(self, settings: Mapping[str, Any]) -> None:
        """Change the hostile tenant's stack file. A key without a namespace is kzero-scim's; None removes it."""
        document = yaml.safe_load(self.stack_file.read_text(encoding="utf-8"))
        for name, value in settings.items():
            key = name if ":" in name else f"kzero-scim:{name}"
            place = document if name == "secretsprovider" else document["config"]
            place.pop(name if name == "secretsprovider" else key, None)
            if value is not None:
                place[name if name == "secretsprovider" else key] = self.filled(value)
        self.stack_file.write_text(yaml.safe_dump(document), encoding="utf-8")

    def sign_in_with(self, variables: Mapping[str, str]) -> None:
        """Give the hostile tenant further credentials."""
        lines = "".join(f"{name}={json.dumps(value)}\n" for name, value in {**self.own, **variables}.items())
        self.credential_file.write_text(lines, encoding="utf-8")

    def run(self, words: tuple[str, ...], env: Mapping[str, str], *, is_fleet: bool) -> Ran:
        """Run a command and wait for its end.

        Args:
            words: ``pulumi`` or ``kzero-scim``, and the rest.
            env: Further variables.
            is_fleet: Whether it handles all tenants; otherwise it gets the hostile tenant's variables.
        """
        tool, *rest = words
        program = [str(VENV / "bin" / tool), *rest]
        if tool == "pulumi":
            program = [str(self.pulumi), "--non-interactive", "--color=never", *rest, "--stack", HOSTILE]
        began, moment = time.monotonic(), time.time()
        with (
            tempfile.TemporaryFile() as output,
            subprocess.Popen(  # noqa: S603 - the project's own commands, no shell
                program,
                cwd=self.folder,
                env=self.env
                | ({} if is_fleet else self.own)
                | {name: self.filled(env[name]) for name in env}
                | self.watched,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            ) as process,
        ):
            with memory.watching(process.pid, _AZUREAD) as peaks, self._watching(process.pid):
                try:
                    code = process.wait(_LONGEST)
                except subprocess.TimeoutExpired:
                    os.killpg(process.pid, signal.SIGKILL)
                    code = process.wait()
            seconds = time.monotonic() - began
            output.seek(0)
            text = output.read().decode(errors="replace")
        return Ran(words=words, code=code, text=text, seconds=seconds, megabytes=peaks.memory().whole, began=moment)

    @contextmanager
    def _watching(self, root: int) -> Iterator[None]:
        """Read the environments of all processes below one while the block runs, if something is watched."""
        done = threading.Event()

        def look() -> None:
            own = command(root)
            while not done.wait(_LOOK_SECONDS):
                # One with the same command line was forked but not replaced yet, and shows its parent's variables.
                for pid in (pid for pid in descendants(root) if command(pid) not in {own, ""}):
                    with suppress(OSError):
                        self.environments[pid] = Path(f"/proc/{pid}/environ").read_bytes()

        thread = threading.Thread(target=look, name="environments", daemon=True)
        if self.watched:
            thread.start()
        try:
            yield
        finally:
            done.set()
            if self.watched:
                thread.join()

    def document(self, run: str) -> dict[str, dict[str, Any]]:
        """Return the results of a run's document by tenant; empty if there is no document."""
        file = self.folder / ".kzero-scim" / "runs" / f"{run}.json"
        if not file.is_file():
            return {}
        results = json.loads(file.read_text(encoding="utf-8"))["results"]
        return {result["tenant"]: result for result in results}

    def written(self) -> Iterator[Path]:
        """Return the files that commands left: state, documents, logs, reports. No case's own files are among them."""
        own = {self.folder / "stacks", self.folder / "credentials", self.folder / "env", self.folder / "fleet.yaml"}
        for file in self.folder.rglob("*"):
            if own.isdisjoint({file, *file.parents}) and file.is_file() and not file.is_symlink():
                yield file

    def keep(self) -> None:
        """Remember the present files for :meth:`restore`."""
        for name in _KEPT:
            source = self.folder / name
            copy = shutil.copytree if source.is_dir() else shutil.copy2
            copy(source, self._backup / name)

    def restore(self) -> None:
        """Put the remembered files back and remove what runs left."""
        for name in _KEPT:
            place, source = self.folder / name, self._backup / name
            if source.is_dir():
                shutil.rmtree(place)
                shutil.copytree(source, place)
            else:
                shutil.copy2(source, place)
        shutil.rmtree(self.folder / ".kzero-scim", ignore_errors=True)
        for name in ("comment.md", "junit.xml"):
            (self.folder / name).unlink(missing_ok=True)
        self.watched, self.environments = {}, {}
        self.attacker.begin_anew()
        self.between.start_case(())


@contextmanager
def fleet(sandbox: RunningSandbox, folder: Path, pulumi: Path) -> Iterator[Fleet]:
    """Set up four tenants, the hostile one through a server of its own, while the block runs.

    Raises:
        RuntimeError: The set-up failed.
    """
    with ExitStack() as ends:
        own = ends.enter_context(between(sandbox))
        [attacker] = ends.enter_context(hostile_servers(folder / "attacker"))
        own.elsewhere = attacker.url
        listener = ends.enter_context(listen())
        silent = f"https://localhost:{port_of(listener)}"
        project = folder / "fleet"
        tenants = ends.enter_context(sandbox_fleet(sandbox, 4, project))
        (folder / "home").mkdir()
        (project / "state").mkdir()
        trusted = folder / "trusted.pem"
        trusted.write_bytes(sandbox.layout.ca_bundle.read_bytes() + b"\n" + attacker.ca_file.read_bytes())
        made = Fleet(
            folder=project,
            pulumi=pulumi,
            env=_environment(sandbox, folder, pulumi, trusted),
            own=_variables(project / "credentials" / f"{HOSTILE}.env"),
            between=own,
            attacker=attacker,
            silent=silent,
            secrets={"the passphrase": common_variables(sandbox)["PULUMI_CONFIG_PASSPHRASE"]},
        )
        for tenant in tenants:
            for name, value in _variables(project / "credentials" / f"{tenant.name}.env").items():
                if name.endswith("_SECRET"):
                    made.secrets[f"{name} of {tenant.name}"] = value
        made.secrets["ARM_CLIENT_SECRET"] = made.env["ARM_CLIENT_SECRET"]
        with (project / "fleet.yaml").open("a", encoding="utf-8") as settings:
            settings.write(f"- {own.url}\n- {silent}\n")
        made.configure({"azuread:metadataHost": "{between-host}", "kzeroServerUrl": "{between}"})
        (folder / "fleet-backup").mkdir()
        outcome = made.run(("kzero-scim", "fleet", "up", "--yes"), {}, is_fleet=True)
        if outcome.code:
            message = f"the fleet could not be set up: {outcome.text}"
            raise RuntimeError(message)
        with sandbox.entra() as entra:
            for tenant in tenants:
                # Until a cycle has finished, it is unknown whether provisioning works.
                entra.post(f"/sandbox/of/{tenant.organisation.tenant_id}/cycle").raise_for_status()
        shutil.rmtree(project / ".kzero-scim")
        made.keep()
        yield made


def _environment(sandbox: RunningSandbox, folder: Path, pulumi: Path, trusted: Path) -> dict[str, str]:
    inherited = {name: os.environ[name] for name in _OF_MACHINE if name in os.environ}
    path = [str(VENV / "bin"), str(pulumi.parent), os.environ.get("PATH", os.defpath)]
    return {
        **inherited,
        **common_variables(sandbox),
        "HOME": str(folder / "home"),
        "PATH": os.pathsep.join(path),
        "VIRTUAL_ENV": str(VENV),
        "COLUMNS": "80",
        "SSL_CERT_FILE": str(trusted),
        "REQUESTS_CA_BUNDLE": str(trusted),
        "PULUMI_BACKEND_URL": (folder / "fleet" / "state").as_uri(),
        "AZUREAD_STANDIN_POLL_SECONDS": "0",
        # A service that hangs is given up after this many seconds, instead of after a minute.
        "KZERO_SCIM_TIMEOUT": "3",
    }


def _variables(file: Path) -> dict[str, str]:
    pairs = (line.partition("=") for line in file.read_text(encoding="utf-8").splitlines() if "=" in line)
    return {name: value for name, _, value in pairs}
