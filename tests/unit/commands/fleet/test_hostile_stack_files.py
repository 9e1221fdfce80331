"""A stack file that cannot be read is its own tenant's failure, in every command of the fleet."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from kzero_scim.commands.main import app
from kzero_scim.fleet.project import FleetProject
from kzero_scim.stack import safe_yaml

ALIASES = "a: &a [x, x]\nb: &b [*a, *a]\nconfig: {k: *b}\n"


def make_pipe(file: Path) -> None:
    os.mkfifo(file)


HOSTILE = {
    "pipe": make_pipe,
    "directory": Path.mkdir,
    "no-target": lambda file: file.symlink_to("nowhere"),
    "loop": lambda file: file.symlink_to(file.name),
    "device": lambda file: file.symlink_to("/dev/zero"),
    "latin": lambda file: file.write_bytes(b"config: {a: \xe4}"),
    "nul": lambda file: file.write_bytes(b"\0" * 50),
    "large": lambda file: file.write_bytes(b"#" * (safe_yaml.LARGEST + 1)),
    "dense": lambda file: file.write_text("config: {a: [" + "a," * 300_000 + "]}"),
    "aliases": lambda file: file.write_text(ALIASES),
    "deep": lambda file: file.write_text("[" * 100_000),
    "list": lambda file: file.write_text("[1]"),
    "a b": lambda file: file.write_text("config: {}"),
    "-x": lambda file: file.write_text("config: {}"),
    "": lambda file: file.write_text("config: {}"),
    "\udcff": lambda file: file.write_text("config: {}"),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Make a fleet of one tenant in order, and one of each hostile kind."""
    (tmp_path / "Pulumi.yaml").write_text("name: demo\nruntime: python\n")
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.contoso.yaml").write_text("config: {kzero-scim:tags: [eu]}\n")
    for name, make in HOSTILE.items():
        make(tmp_path / "stacks" / f"Pulumi.{name}.yaml")  # type: ignore[operator]
    return tmp_path


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(app, ["fleet", *arguments, "--project", str(folder)], env={"COLUMNS": "400"})


def test_each_is_a_problem_of_its_own_in_one_line(folder: Path) -> None:
    """Reading the project neither waits, nor fails, nor needs much memory."""
    tenants = FleetProject.load(folder).tenants

    assert {name for name, tenant in tenants.items() if tenant.problem} == set(HOSTILE)
    assert all("\n" not in tenant.problem for tenant in tenants.values())
    assert tenants["contoso"].tags == ("eu",)


def test_the_list_names_all(folder: Path) -> None:
    """The table and the JSON say what is wrong with each, and the exit code says that not every file was read."""
    table = run(folder, "list")
    found = json.loads(run(folder, "list", "--json").stdout)

    assert table.exit_code == 1
    assert "it is not a regular file" in table.stdout
    assert {item["tenant"] for item in found if item["problem"]} == set(HOSTILE)
    assert {"tenant": "contoso", "tags": ["eu"], "problem": ""} in found


def test_credentials_are_listed(folder: Path) -> None:
    """The other tenants' credentials are checked."""
    done = run(folder, "list", "--credentials", "--json")

    assert {item["tenant"] for item in json.loads(done.stdout)} == {"contoso", *HOSTILE}


def test_the_matrix_has_a_job_for_whom_a_job_can_fail(folder: Path) -> None:
    """A name that no shell can be given is left out, reported and a failure. All others get their jobs."""
    done = run(folder, "matrix", "--jobs", "1")

    assert done.exit_code == 1
    named = json.loads(done.stdout)["include"][0]["tenants"].split()
    unusable = {"a b", "-x", "", "\udcff"}
    assert set(named) == {"contoso", *HOSTILE} - unusable
    assert done.stderr.count("is in no job") == len(unusable)


def test_the_export_writes_the_others(folder: Path) -> None:
    """An export says what it leaves out, and its exit code is 1."""
    done = run(folder, "export", "--operator", "--repository", "https://git.example/x", "--output", str(folder / "out"))

    assert done.exit_code == 1
    assert (folder / "out" / "contoso.stack.yaml").exists(), (done.stderr, done.exception)
    assert done.stderr.count("is not exported") == len(HOSTILE)


def test_a_tag_selects_the_others(folder: Path) -> None:
    """What a tag selects does not depend on the hostile files."""
    assert [item["tenant"] for item in json.loads(run(folder, "list", "--tag", "eu", "--json").stdout)] == ["contoso"]


def test_a_change_selects_the_others(folder: Path) -> None:
    """Git finds the changed tenants whatever the other files are."""
    git = ["git", "-C", str(folder), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "Pulumi.yaml"], check=True)
    subprocess.run([*git, "commit", "-qm", "x"], check=True)

    found = json.loads(run(folder, "list", "--changed-since", "HEAD", "--json").stdout)

    # Git shows no pipes.
    assert {"contoso", "latin", "dense"} <= {item["tenant"] for item in found}
