"""Tests of what `kzero-scim doctor` says about the azuread plugin."""

from __future__ import annotations

from pathlib import Path

import pytest

from kzero_scim.tenant.doctor import examine_azuread


@pytest.mark.parametrize(
    ("content", "state", "said"),
    [
        (b"\x7fELF", "ok", "official, "),
        (b"#!/bin/sh", "ok", "offline stand-in, "),
        (None, "missing", "is incomplete: No such file or directory; delete that folder"),
    ],
)
def test_the_plugin_is_recognized_by_its_first_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, state: str, said: str
) -> None:
    """A plugin of 80 MB is not read as a whole, and a folder without the program is no plugin."""
    folder = tmp_path / "plugins" / "resource-azuread-v6.11.1"
    folder.mkdir(parents=True)
    if content is not None:
        with (folder / "pulumi-resource-azuread").open("wb") as program:
            program.write(content)
            program.truncate(80 * 1024 * 1024)
    monkeypatch.setenv("PULUMI_HOME", str(tmp_path))
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("the whole file was read"))

    found = examine_azuread()

    assert found.state == state
    assert said in found.detail
