"""Users listed in a file: what is read, and what an operator is told of a file that cannot be."""

from __future__ import annotations

from pathlib import Path

import pytest

from kzero_scim.errors import SettingsError
from kzero_scim.settings.name_file import read_names
from kzero_scim.settings.tenant_settings import TenantSettings

TENANT = {"azuread:tenantId": "5a4d0b0c-0000-4000-8000-00000000e401", "kzero-scim:kzeroTenant": "Contoso"}


def test_names_stand_one_a_line(tmp_path: Path) -> None:
    """As Windows and other editors write it; blank lines, comments and blanks around a name do not count."""
    file = tmp_path / "users.txt"
    file.write_bytes("\ufeff# leavers go first\r\nalex@contoso.example\r\n\r\n  zoë@contoso.example \r\n".encode())

    assert read_names(file) == ["alex@contoso.example", "zoë@contoso.example"]


def test_listed_users_come_after_those_of_the_stack(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The path begins at the project's folder, in which the program runs; the file alone is enough too."""
    monkeypatch.chdir(tmp_path)
    Path("users.txt").write_text("b@contoso.example\na_b#EXT#@contoso.example\n", encoding="utf-8")
    both = TENANT | {"kzero-scim:users": '["a@contoso.example"]', "kzero-scim:usersFile": "users.txt"}

    assert TenantSettings.parse(both).users == ["a@contoso.example", "b@contoso.example", "a_b#EXT#@contoso.example"]
    assert len(TenantSettings.parse(TENANT | {"kzero-scim:usersFile": "users.txt"}).users) == 2


@pytest.mark.parametrize(
    ("content", "reason"),
    [(None, "no such file or directory"), ("caf\xe9".encode("latin-1"), "it is not in UTF-8")],
    ids=["missing", "no UTF-8"],
)
def test_a_file_that_cannot_be_read_is_named(
    content: bytes | None, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The path as it was given, the reason, and what belongs there."""
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("users.txt").write_bytes(content)

    with pytest.raises(SettingsError) as caught:
        TenantSettings.parse(TENANT | {"kzero-scim:usersFile": "users.txt"})

    assert f"usersFile: 'users.txt' cannot be read, {reason}; give the path, from the project's folder" in str(
        caught.value
    )


def test_a_name_is_listed_once_in_both_together(tmp_path: Path) -> None:
    file = tmp_path / "users.txt"
    file.write_text("ALEX@contoso.example\n", encoding="utf-8")
    both = TENANT | {"kzero-scim:users": '["alex@contoso.example"]', "kzero-scim:usersFile": str(file)}

    with pytest.raises(SettingsError, match=r"'ALEX@contoso\.example' is listed twice; remove one"):
        TenantSettings.parse(both)
