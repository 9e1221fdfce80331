"""The fleet runs a project's own program: a real engine, a backend in a folder, no service."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kzero_scim.fleet.model import Command, TenantResult
from kzero_scim.fleet.run.engine_run import TenantRun
from kzero_scim.fleet.run.worker import Worker

_SECRET = "word-of-the-program"
_PARTS = """
import os
import sys
import pulumi
import shared

print(sys.argv, __name__, "seen", shared.SEEN)
print("in", os.getcwd())
shared.SEEN.append(pulumi.get_stack())
sys.path.append("/left-behind")
for name in {names}:
    pulumi.ComponentResource("test:parts:Part", name)
"""


class Project:
    """A project whose program is in a folder of its own, and one process that runs it for its tenants in turn."""

    def __init__(self, folder: Path, cli: Path) -> None:
        """Write the project."""
        self.folder, self.cli, self._worker = folder / "project", str(cli), Worker()
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "of the test",
        }
        (self.folder / "stacks").mkdir(parents=True)
        (self.folder / "source").mkdir()
        (folder / "state").mkdir()
        self.settings("name: parts\nruntime: {name: python}\nmain: source\nstackConfigDir: stacks\n")
        (self.folder / "source" / "shared.py").write_text("SEEN = []\n")

    def settings(self, text: str) -> None:
        """Write Pulumi.yaml."""
        (self.folder / "Pulumi.yaml").write_text(text)

    def run(self, command: Command, program: str, tenant: str = "alfa") -> TenantResult:
        """Run a program for a tenant."""
        (self.folder / "source" / "__main__.py").write_text(program)
        (self.folder / "stacks" / f"Pulumi.{tenant}.yaml").touch()
        asked = TenantRun(
            command=command,
            tenant=tenant,
            folder=self.folder,
            environment=self.environment,
            refresh=False,
            cli=self.cli,
            cli_version="v3.259.0",
            log=self.folder / ".kzero-scim" / "logs" / f"{tenant}.log",
        )
        return self._worker.run(asked, 60, lambda _: None)

    def error(self, program: str) -> str:
        """Give the error that a preview with a program ends with."""
        result = self.run(Command.PREVIEW, program)
        assert result.outcome.value == "failed"
        return result.error

    def log(self, tenant: str = "alfa") -> str:
        """Give a tenant's log."""
        return (self.folder / ".kzero-scim" / "logs" / f"{tenant}.log").read_text()

    def close(self) -> None:
        """End the process."""
        self._worker.close()


@pytest.fixture(scope="module")
def project(pulumi: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project; every test of this module leaves it as it was."""
    made = Project(tmp_path_factory.mktemp("program"), pulumi)
    yield made
    made.close()


def told(result: TenantResult) -> list[tuple[str, str, str]]:
    """Give what changes."""
    return [(change.operation, change.resource, change.name) for change in result.changes]


def test_a_program_runs_as_pulumi_runs_it_and_leaves_nothing(project: Project) -> None:
    """Its arguments, folder and modules are those of `pulumi up`; the next tenant finds its modules fresh."""
    program = _PARTS.format(names=["one", "two"])
    for tenant in ("alfa", "bravo"):
        assert project.run(Command.UP, program, tenant).error == ""
        assert "['.'] __main__ seen []\n" in project.log(tenant)
        assert f"in {(project.folder / 'source').resolve()}" in project.log(tenant)

    assert project.run(Command.PREVIEW, "import sys\nassert '/left-behind' not in sys.path\n").error == ""


def test_every_deletion_is_told(project: Project) -> None:
    """A component that the program no longer declares is a change, in the preview and in the up."""
    project.run(Command.UP, _PARTS.format(names=["one", "two"]), "charlie")

    for command in (Command.PREVIEW, Command.UP):
        result = project.run(command, _PARTS.format(names=["one"]), "charlie")
        assert (result.outcome.value, told(result)) == ("changed", [("delete", "Part", "two")])
    assert project.run(Command.PREVIEW, _PARTS.format(names=["one"]), "charlie").outcome.value == "unchanged"


@pytest.mark.parametrize(
    ("program", "error"),
    [
        ("\nraise ValueError('first\\nsecond')", "source/__main__.py:2: ValueError: first second"),
        ("def f(:\n  pass", "source/__main__.py:1: SyntaxError: invalid syntax"),
        ("import sys\nsys.exit(1)", "source/__main__.py:2: sys.exit(1)"),
        ("import sys\nsys.exit('no such region')", "source/__main__.py:2: no such region"),
        ("import pulumi, sys\npulumi.log.error('two:\\n  one\\n  other')\nsys.exit(32)", "two: one; other"),
        ("import pulumi\nraise pulumi.RunError('in one line')", "in one line"),
        (
            "import pulumi\ndef late(_):\n    raise KeyError('late')\npulumi.Output.from_input(1).apply(late)",
            "source/__main__.py:3: KeyError: 'late'",
        ),
        (
            "import os\nos._exit(3)",
            "the tenant's process died (exit code 3); run `kzero-scim recover alfa` to unlock its stack",
        ),
    ],
    ids=["raises", "syntax", "exit code", "exit text", "said why", "RunError", "in an apply", "ends the process"],
)  # fmt: skip
def test_a_failure_is_one_line_with_file_and_line(project: Project, program: str, error: str) -> None:
    """It is the tenant's own: the next program runs."""
    assert project.error(program) == error
    assert project.run(Command.PREVIEW, "").error == ""


def test_the_log_has_the_traceback_and_what_was_printed(project: Project) -> None:
    """The configuration's secrets are known before the program begins: neither the log nor the error has them."""
    project.run(Command.UP, "", "delta")
    words = [project.cli, "config", "set", "--secret", "other:word", _SECRET, "--stack", "delta", "--non-interactive"]
    subprocess.run(words, cwd=project.folder, env=project.environment, check=True, capture_output=True)
    program = (
        "import pulumi\nword = pulumi.Config('other').require('word')\nprint('printed', word)\nraise ValueError(word)"
    )

    result = project.run(Command.PREVIEW, program, "delta")

    assert result.error == "source/__main__.py:4: ValueError: [secret]"
    assert "printed [secret]" in project.log("delta")
    assert "Traceback (most recent call last):" in project.log("delta")
    assert _SECRET not in project.log("delta")


def test_a_missing_module_names_the_python_that_lacks_it(project: Project) -> None:
    """The fleet's Python may be another one than that of `pulumi up`."""
    error = project.error("import not_installed_here")

    assert error.startswith(
        "source/__main__.py:1: ModuleNotFoundError: No module named 'not_installed_here'; the fleet "
    )


def test_a_forked_child_ends_with_the_program(project: Project) -> None:
    """It must not go on as a second worker."""
    result = project.run(
        Command.PREVIEW, "import os\nchild = os.fork()\nif child:\n    assert os.waitpid(child, 0)[1]\n"
    )

    assert result.error == ""


@pytest.mark.parametrize(
    ("settings", "error"),
    [
        ("name: parts\nruntime: nodejs\n", "runtime is nodejs, but the fleet runs only Python programs"),
        ("name: parts\nruntime: python\nmain: nowhere\n", "the program "),
    ],
)
def test_a_project_that_cannot_run_here_says_so(project: Project, settings: str, error: str) -> None:
    """In one sentence, before an engine starts."""
    kept = (project.folder / "Pulumi.yaml").read_text()
    project.settings(settings)
    try:
        assert error in project.error("")
    finally:
        project.settings(kept)


def test_main_may_name_a_file(project: Project) -> None:
    """Its folder is the working directory, as with `pulumi up`."""
    kept = (project.folder / "Pulumi.yaml").read_text()
    project.settings(kept.replace("main: source", "main: source/other.py"))
    (project.folder / "source" / "other.py").write_text("import sys\nprint('arguments', sys.argv)\n")
    try:
        assert project.run(Command.PREVIEW, "raise ValueError").error == ""
    finally:
        project.settings(kept)
    assert "arguments ['other.py']" in project.log()


def test_the_provider_answers_the_engine_of_the_run(project: Project) -> None:
    """It refuses every other process, and knows its engine among them."""
    program = 'from kzero_scim.sdk.provider import Provider\nProvider("kzero", realm="Contoso")\n'

    result = project.run(Command.PREVIEW, program)

    assert result.error == ""
