"""Tests of reading a tenant's stack from files without the Pulumi CLI."""

from __future__ import annotations

import gzip
import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kzero_scim.errors import NothingAppliedError, SettingsError
from kzero_scim.fleet.project import FleetProject
from kzero_scim.fleet.sweep import state
from kzero_scim.fleet.sweep.state import States, TenantState
from kzero_scim.settings.tenant_settings import TenantSettings
from kzero_scim.stack.backend import backend_url

Load = Callable[..., "Any"]

_ROOT = {
    "urn": "urn:pulumi:contoso::demo::pulumi:pulumi:Stack::demo-contoso",
    "type": "pulumi:pulumi:Stack",
    "outputs": {"portalUrls": {"entra": "https://entra.example/x"}},
}


def checkpoint(**latest: object) -> bytes:
    """Return the content of a state file."""
    document = {"version": 3, "checkpoint": {"stack": "organization/demo/contoso", "latest": latest or None}}
    return json.dumps(document).encode()


@pytest.fixture
def stacks(tmp_path: Path) -> Path:
    """Create a project with tenant contoso, and return the folder of its file backend's states."""
    (tmp_path / "Pulumi.yaml").write_text(
        "name: demo\nruntime: python\nconfig:\n"
        "  kzeroServerUrl: {type: string, default: https://keycloak.example}\n"
        "  provisionGroups: {type: boolean, default: false}\n"
    )
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.contoso.yaml").write_text("config: {kzero-scim:kzeroTenant: Contoso}\n")
    books = tmp_path / "state" / ".pulumi"
    (books / "stacks" / "demo").mkdir(parents=True)
    (books / "meta.yaml").write_text("version: 1\n")
    return books / "stacks" / "demo"


async def load(stacks: Path, **environment: str) -> TenantState:
    """Return contoso's stack."""
    folder = stacks.parents[3]
    project = FleetProject.load(folder)
    given = {"PULUMI_BACKEND_URL": (folder / "state").as_uri()} | environment
    return await States(project).load(project.tenants["contoso"], given)


@pytest.fixture(autouse=True)
def commands(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """Record the calls of the Pulumi CLI and return prepared answers."""
    asked: list[tuple[str, ...]] = []

    def run(folder: Path, *arguments: str, environment: dict[str, str]) -> str:
        asked.append(arguments[:2])
        assert environment is not os.environ
        if arguments[0] == "config":
            return json.dumps({"kzero-scim:kzeroClientSecret": {"value": "of the vault", "secret": True}})
        assert folder.is_dir()
        return json.dumps({"deployment": {"resources": [_ROOT]}})

    monkeypatch.setattr(state, "run_pulumi", run)
    return asked


async def test_a_state_is_read_from_the_file_backend(stacks: Path, commands: list[Any]) -> None:
    """No command runs; the stack's settings override the project's defaults, and portals are known."""
    (stacks / "contoso.json").write_bytes(checkpoint(resources=[_ROOT]))

    found = await load(stacks)

    assert commands == []
    assert found.stack.configuration == {
        "demo:kzeroServerUrl": "https://keycloak.example",
        "demo:provisionGroups": "false",
        "kzero-scim:kzeroTenant": "Contoso",
    }
    assert found.portals == {"entra": "https://entra.example/x"}
    assert not found.is_interrupted


async def test_the_newer_of_two_states_counts(stacks: Path) -> None:
    """The newer state file counts, because Pulumi leaves both after a change of compression."""
    old, new = stacks / "contoso.json", stacks / "contoso.json.gz"
    old.write_bytes(checkpoint(resources=[{**_ROOT, "outputs": {}}]))
    new.write_bytes(gzip.compress(checkpoint(resources=[_ROOT], pending_operations=[{"type": "creating"}])))
    os.utime(old, (1, 1))

    found = await load(stacks)

    assert found.portals
    assert found.is_interrupted


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        (None, NothingAppliedError, "stack contoso does not exist at file://"),
        (
            checkpoint(),
            NothingAppliedError,
            "tenant contoso is not set up: .*, or was destroyed",
        ),
        (checkpoint(resources=[]), NothingAppliedError, "`kzero-scim fleet up contoso`"),
        (checkpoint(resources=[_ROOT])[:-40], SettingsError, "is truncated .*`kzero-scim recover contoso`"),
        (b"[]", SettingsError, "is truncated"),
        (checkpoint(resources=[0]), SettingsError, "is truncated"),
        (checkpoint(resources=[{"urn": 1, "type": "a"}]), SettingsError, "is truncated"),
    ],
    ids=[
        "no stack",
        "never applied",
        "destroyed",
        "cut off",
        "something else",
        "a number as a resource",
        "a number as a name",
    ],
)
async def test_a_state_that_is_not_there_is_told(
    stacks: Path, content: bytes | None, error: type[Exception], words: str
) -> None:
    """A missing or empty stack is distinguished from a broken state file."""
    if content is not None:
        (stacks / "contoso.json").write_bytes(content)

    with pytest.raises(error, match=words):
        await load(stacks)


@pytest.mark.parametrize("case", ["legacy layout", "zstd", "another backend"])
async def test_what_only_pulumi_reads_is_left_to_it(stacks: Path, commands: list[Any], case: str) -> None:
    """Pulumi reads old layouts, compressions that Python lacks, and states outside of files."""
    environment = {}
    if case == "legacy layout":
        (stacks.parents[1] / "meta.yaml").unlink()
    elif case == "zstd":
        (stacks / "contoso.json.zst").write_bytes(b"anything")
    else:
        environment["PULUMI_BACKEND_URL"] = "s3://states"

    found = await load(stacks, **environment)

    assert commands == [("stack", "export")]
    assert found.portals


@pytest.mark.parametrize(
    ("encrypted", "asked"),
    [
        ("kzero-scim:secretToken", []),
        ("kzero-scim:remoteTokenClientSecret", []),
        ("of-another-program:key", []),
        ("kzero-scim:kzeroClientSecret", [("config", "--json")]),
        ("azuread:clientSecret", [("config", "--json")]),
    ],
)
async def test_only_secrets_that_sign_in_are_decrypted(
    stacks: Path, commands: list[Any], encrypted: str, asked: list[Any]
) -> None:
    """Only secrets for a sign-in are decrypted; of others, only their existence matters."""
    file = stacks.parents[3] / "stacks" / "Pulumi.contoso.yaml"
    file.write_text(f"config:\n  {encrypted}: {{secure: v1:abc}}\n")
    (stacks / "contoso.json").write_bytes(checkpoint(resources=[_ROOT]))

    found = await load(stacks)

    assert commands == asked
    if not asked:
        assert found.stack.secret_keys == {encrypted}


async def test_a_mark_in_place_of_a_secret_is_a_valid_setting(stacks: Path) -> None:
    """Settings with a mark instead of a secret can be parsed."""
    file = stacks.parents[3] / "stacks" / "Pulumi.contoso.yaml"
    file.write_text(
        "config:\n  kzero-scim:kzeroTenant: Contoso\n"
        "  azuread:tenantId: 5a4d0b0c-0000-4000-8000-00000000e401\n"
        "  kzero-scim:users: [alex@contoso.example]\n"
        "  kzero-scim:secretToken: {secure: v1:abc}\n"
    )
    (stacks / "contoso.json").write_bytes(checkpoint(resources=[_ROOT]))

    stack = (await load(stacks)).stack

    assert TenantSettings.parse(stack.configuration, stack.secret_keys).secret_token is not None


@pytest.mark.parametrize(
    ("environment", "project", "login", "url"),
    [
        ("file:///a", "file:///b", "file:///c", "file:///a"),
        ("", "file:///b", "file:///c", "file:///b"),
        ("", "", "file:///c", "file:///c"),
        ("", "", "", None),
    ],
)
def test_the_backend_is_found_as_pulumi_finds_it(
    tmp_path: Path, environment: str, project: str, login: str, url: str | None
) -> None:
    """The backend comes from the environment, then Pulumi.yaml, then `pulumi login`."""
    (tmp_path / "credentials.json").write_text(json.dumps({"current": login}))
    variables = {"PULUMI_BACKEND_URL": environment, "PULUMI_HOME": str(tmp_path)}

    assert backend_url({"backend": {"url": project}}, variables) == url


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("contoso.json", None, "it is not a regular file"),
        ("contoso.json", b"[" * 60_000, "is truncated"),
        ("contoso.json", b"{" + b" " * 70_000, "has more than 64 KB"),
        ("contoso.json.gz", gzip.compress(bytes(50 * 1024**2), mtime=0), "has more than 64 KB"),
        ("contoso.json.gz", gzip.compress(b"{}", mtime=0)[:-3], "is truncated"),
        ("contoso.json.gz", b"{}", "is truncated"),
    ],
)
async def test_a_state_is_read_within_limits(
    stacks: Path, name: str, content: bytes | None, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pipe is not waited for, and a compressed state needs no memory beyond the limit."""
    monkeypatch.setattr(state, "LARGEST", 64 * 1024)
    if content is None:
        os.mkfifo(stacks / name)
    else:
        (stacks / name).write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(SettingsError, match=reason):
            await load(stacks)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 4 * 1024**2
