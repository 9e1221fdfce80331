"""A user with neither HOME nor a passwd entry, as in some containers."""

from __future__ import annotations

from pathlib import Path

import pytest

from kzero_scim.errors import SettingsError
from kzero_scim.fleet.run.pulumi_home import make_home
from kzero_scim.home_folder import expanded, home_folder, required_home_folder
from kzero_scim.secret_variables import content_of
from kzero_scim.stack.backend import backend_url, folder_of
from kzero_scim.stack.stack import pulumi_cli
from kzero_scim.tenant.doctor import examine_machine


@pytest.fixture(autouse=True)
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """Remove HOME and the passwd entry."""

    def no_home() -> Path:
        message = "Could not determine home directory."
        raise RuntimeError(message)

    def no_user(path: Path) -> Path:
        if str(path).startswith("~"):
            no_home()
        return path

    for name in ("HOME", "XDG_CACHE_HOME", "KZERO_SCIM_CACHE", "PULUMI_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.setattr(Path, "expanduser", no_user)


def test_a_home_folder_may_be_unknown() -> None:
    """The error says what is missing and how to do without."""
    assert home_folder() is None
    assert home_folder({"HOME": "/home/a"}) == Path("/home/a")
    assert expanded("~/x") == Path("~/x")
    with pytest.raises(SettingsError, match="HOME is not set and this user has no passwd entry; set HOME"):
        required_home_folder("set HOME")


def test_what_can_do_without_a_home_folder_does(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The backend, the Pulumi CLI, the doctor and secret files are found without a home folder, or not found."""
    monkeypatch.setenv("PATH", "")

    assert backend_url({}, {}) is None
    assert backend_url({}, {"PULUMI_BACKEND_URL": "file:///state"}) == "file:///state"
    assert folder_of("file:///state", tmp_path) == Path("/state")
    assert pulumi_cli() is None
    assert content_of("~/secret") == ""
    assert any(item.subject == "azuread plugin" for item in examine_machine(tmp_path))


def test_what_needs_a_home_folder_says_so(tmp_path: Path) -> None:
    """A backend in the home folder, and Pulumi's own home, are errors in one sentence."""
    with pytest.raises(SettingsError, match="home folder is unknown"):
        folder_of("file://", tmp_path)
    with pytest.raises(SettingsError, match="set HOME or PULUMI_HOME"):
        make_home({}, tmp_path)
