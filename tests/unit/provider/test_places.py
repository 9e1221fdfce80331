from __future__ import annotations

from pathlib import Path

import pytest

from kzero_scim.provider.package import KZERO

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "kzero_scim"
TEXTS = {path: path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}


def _home(token: str) -> Path:
    """Return the folder of a resource."""
    module = KZERO.resources[token].__module__
    return ROOT.joinpath(*module.split(".")).parent


@pytest.mark.parametrize("token", KZERO.resources)
def test_a_resource_is_named_in_its_folder_the_list_and_the_sdk_alone(token: str) -> None:
    """A new resource touches its folder and one list; whatever else must know of it reads its facts."""
    allowed = {PACKAGE / "provider" / "package.py", *(PACKAGE / "sdk").glob("*.py")}

    elsewhere = [
        path.relative_to(ROOT).as_posix()
        for path, text in TEXTS.items()
        if token in text and path not in allowed and _home(token) not in path.parents
    ]

    assert elsewhere == []


@pytest.mark.parametrize("token", KZERO.resources)
def test_reports_do_not_name_a_resource(token: str) -> None:
    """Reports know resources by their facts alone."""
    name = token.rpartition(":")[2]

    named = [
        path.relative_to(ROOT).as_posix()
        for path, text in TEXTS.items()
        if PACKAGE / "fleet" / "report" in path.parents and f'"{name}"' in text
    ]

    assert named == []


@pytest.mark.parametrize("token", KZERO.resources)
def test_each_resource_has_a_folder_of_its_own(token: str) -> None:
    """No two resources share a folder."""
    homes = [_home(each) for each in KZERO.resources]

    assert homes.count(_home(token)) == 1
