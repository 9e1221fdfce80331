"""A file with users is read, and an error explains why a file cannot be read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kzero_scim.errors import SettingsError
from kzero_scim.settings import name_file
from kzero_scim.settings.name_file import read_users
from kzero_scim.settings.tenant_settings import TenantSettings

TENANT = {"azuread:tenantId": "5a4d0b0c-0000-4000-8000-00000000e401", "kzero-scim:kzeroTenant": "Contoso"}
SECRET = "ARM_CLIENT_SECRET=s3cret-of-tenant-002"  # pragma: allowlist secret


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with the credentials of another tenant."""
    for name in ("stacks", "credentials"):
        (tmp_path / name).mkdir()
    (tmp_path / "credentials" / "tenant-002.env").write_text(f"{SECRET}\n")
    return tmp_path


def problems(project: Path, name: str) -> str:
    """Check a tenant with this usersFile, which is refused, and return what its operator reads."""
    with pytest.raises(SettingsError) as caught:
        TenantSettings.parse(TENANT | {"kzero-scim:usersFile": name}, project=project)
    return str(caught.value)


def test_a_file_has_one_name_per_line(project: Path) -> None:
    """Files of Windows and other editors work, and blank lines, comments and spaces around names are ignored."""
    file = project / "stacks" / "users.txt"
    file.write_bytes("\ufeff# leavers go first\r\nalex@contoso.example\r\n\r\n  zoë@contoso.example \r\n".encode())

    assert read_users(project, "stacks/users.txt") == ["alex@contoso.example", "zoë@contoso.example"]


def test_listed_users_come_after_the_stacks_users(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path is relative to the project's folder, where the program runs, and the stack may list no users."""
    (project / "stacks" / "users.txt").write_text("b@contoso.example\na_b#EXT#@contoso.example\n", encoding="utf-8")
    alone = TENANT | {"kzero-scim:usersFile": "stacks/users.txt"}
    both = alone | {"kzero-scim:users": '["a@contoso.example"]'}
    listed = ["a@contoso.example", "b@contoso.example", "a_b#EXT#@contoso.example"]

    assert TenantSettings.parse(both, project=project).users == listed
    monkeypatch.chdir(project)
    assert len(TenantSettings.parse(alone).users) == 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "no such file or directory"), ("caf\xe9".encode("latin-1"), "it is not in UTF-8")],
    ids=["missing", "no UTF-8"],
)
def test_a_file_that_cannot_be_read_is_an_error(content: bytes | None, reason: str, project: Path) -> None:
    """The error has the path as given, the reason, and what to give."""
    if content is not None:
        (project / "stacks" / "users.txt").write_bytes(content)

    refusal = problems(project, "stacks/users.txt")

    assert (
        f"usersFile: 'stacks/users.txt' cannot be used, {reason}; give the path, from the project's folder" in refusal
    )


def test_a_name_must_not_be_in_both_the_stack_and_the_file(project: Path) -> None:
    """A user in both the stack file and the users file is refused."""
    (project / "stacks" / "users.txt").write_text("ALEX@contoso.example\n", encoding="utf-8")
    both = TENANT | {"kzero-scim:users": '["alex@contoso.example"]', "kzero-scim:usersFile": "stacks/users.txt"}

    with pytest.raises(SettingsError, match=r"'ALEX@contoso\.example' is listed twice; remove one"):
        TenantSettings.parse(both, project=project)


@pytest.mark.parametrize("name", ["credentials/tenant-002.env", "stacks/../credentials/tenant-002.env", "stacks", "."])
def test_a_file_outside_the_stacks_is_not_read(project: Path, name: str) -> None:
    """Neither by its path, nor by an absolute one, nor through a link that a pull request brings."""
    (project / "stacks" / "link.txt").symlink_to("../credentials/tenant-002.env")
    (project / "stacks" / "folder").symlink_to("../credentials")
    absolute = str(project / "credentials" / "tenant-002.env")

    for path in (
        name,
        absolute,
        "stacks/link.txt",
        "stacks/folder/tenant-002.env",
        "/etc/hostname",
        "/proc/self/environ",
    ):
        refusal = problems(project, path)
        assert "it is not a file below stacks/" in refusal
        assert "s3cret" not in refusal


@pytest.mark.parametrize(
    "line",
    [SECRET, "s3cret", "-----BEGIN s3cret-----", "user:s3cret@host", "{s3cret: 1}@x, y", "a@b\ts3cret", "\x00s3cret@x"],
)
def test_an_error_quotes_no_line_of_the_file(project: Path, line: str) -> None:
    (project / "stacks" / "users.txt").write_text(f"alex@contoso.example\n\n{line}\n")

    refusal = problems(project, "stacks/users.txt")

    assert "line 3 is not a user principal name or an object ID" in refusal
    assert "s3cret" not in refusal


def test_a_repeated_line_is_told_by_its_number(project: Path) -> None:
    (project / "stacks" / "users.txt").write_text("alex@contoso.example\nALEX@contoso.example\n")

    assert "line 2 lists a user again" in problems(project, "stacks/users.txt")


def test_a_pipe_a_device_and_a_large_file_are_refused_at_once(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe would wait for a writer."""
    os.mkfifo(project / "stacks" / "pipe")
    (project / "stacks" / "device").symlink_to("/dev/zero")
    (project / "stacks" / "loop").symlink_to("loop")
    (project / "stacks" / "large").write_text("alex@contoso.example\n")
    monkeypatch.setattr(name_file, "LARGEST", 10)

    assert "it is not a regular file" in problems(project, "stacks/pipe")
    assert "it is not a file below stacks/" in problems(project, "stacks/device")
    assert "cannot be used" in problems(project, "stacks/loop")
    assert "it has more than 0 KB" in problems(project, "stacks/large")
