"""A file with users is read, and an error explains why a file cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from kzero_scim.errors import SettingsError
from kzero_scim.settings.name_file import read_names
from kzero_scim.settings.tenant_settings import TenantSettings

TENANT = {"azuread:tenantId": "5a4d0b0c-0000-4000-8000-00000000e401", "kzero-scim:kzeroTenant": "Contoso"}


def test_a_file_has_one_name_per_line(tmp_path: Path) -> None:
    """Files of Windows and other editors work, and blank lines, comments and spaces around names are ignored."""
    file = tmp_path / "users.txt"
    file.write_bytes("\ufeff# leavers go first\r\nalex@contoso.example\r\n\r\n  zoë@contoso.example \r\n".encode())

    assert read_names(file) == ["alex@contoso.example", "zoë@contoso.example"]


def test_listed_users_come_after_the_stacks_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path is relative to the project's folder, where the program runs, and the stack may list no users."""
    monkeypatch.chdir(tmp_path)
    Path("users.txt").write_text("b@contoso.example\na_b#EXT#@contoso.example\n", encoding="utf-8")
    both = TENANT | {"kzero-scim:users": '["a@contoso.example"]', "kzero-scim:usersFile": "users.txt"}

    assert TenantSettings.parse(both).users == ["a@contoso.example", "b@contoso.example", "a_b#EXT#@contoso.example"]
    assert len(TenantSettings.parse(TENANT | {"kzero-scim:usersFile": "users.txt"}).users) == 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "no such file or directory"), ("caf\xe9".encode("latin-1"), "not UTF-8")],
    ids=["missing", "no UTF-8"],
)
def test_a_file_that_cannot_be_read_is_an_error(
    content: bytes | None, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error has the path as given, the reason, and what to give."""
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("users.txt").write_bytes(content)

    with pytest.raises(SettingsError) as caught:
        TenantSettings.parse(TENANT | {"kzero-scim:usersFile": "users.txt"})

    assert f"usersFile: 'users.txt' cannot be read ({reason}); give the path, from the project's folder" in str(
        caught.value
    )


def test_a_name_must_not_be_in_both_the_stack_and_the_file(tmp_path: Path) -> None:
    """A user in both the stack file and the users file is refused."""
    file = tmp_path / "users.txt"
    file.write_text("ALEX@contoso.example\n", encoding="utf-8")
    both = TENANT | {"kzero-scim:users": '["alex@contoso.example"]', "kzero-scim:usersFile": str(file)}

    with pytest.raises(SettingsError, match=r"'ALEX@contoso\.example' is listed twice; remove one"):
        TenantSettings.parse(both)
