"""A stack refuses to move to another tenant until the move is confirmed."""

from typing import Any

import pytest

from kzero_scim.errors import SettingsError
from kzero_scim.settings.confirmations import VARIABLE
from kzero_scim.settings.moves import check_moves, next_entra_tenant, same_server

OLD = {"tenantId": "5a4d0b0c-0000-4000-8000-00000000e401", "serverUrl": "https://ca.auth.kzero.com", "realm": "Contoso"}
OTHER = "5a4d0b0c-0000-4000-8000-00000000e402"


@pytest.mark.parametrize(
    ("change", "confirmation", "said"),
    [
        ({"realm": "Fabrikam"}, "move=Fabrikam", 'kzeroTenant: "Contoso" => "Fabrikam"'),
        ({"realm": "contoso"}, "move=contoso", "get no further updates"),
        ({"serverUrl": "https://eu.auth.kzero.com"}, "move=eu.auth.kzero.com", "stays unchanged"),
        ({"serverUrl": "https://ca.auth.kzero.com:8443"}, "move=ca.auth.kzero.com:8443", "kzeroServerUrl"),
    ],
)
def test_a_move_is_refused_until_it_is_confirmed(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, str], confirmation: str, said: str
) -> None:
    """The error says what the move does and how to confirm it; a confirmed move is a warning."""
    monkeypatch.delenv(VARIABLE, raising=False)

    with pytest.raises(SettingsError) as caught:
        check_moves(OLD, OLD | change)
    assert said in str(caught.value)
    assert f"{VARIABLE}={confirmation} in the environment" in str(caught.value)

    monkeypatch.setenv(VARIABLE, confirmation)
    (warning,) = check_moves(OLD, OLD | change)
    assert said in warning


def test_a_move_to_another_entra_tenant_is_prepared_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A confirmed run with the old Entra tenant must first mark the application to be kept."""
    monkeypatch.setenv(VARIABLE, f"move={OTHER}")
    with pytest.raises(SettingsError, match=f"Nothing was changed.*`{VARIABLE}=move={OTHER} pulumi up`.*marks"):
        check_moves(OLD, OLD | {"tenantId": OTHER})
    assert next_entra_tenant(OLD["tenantId"]) == OTHER
    prepared = OLD | {"movingTo": OTHER}
    (warning,) = check_moves(OLD, prepared)
    assert "marked to be kept" in warning

    assert next_entra_tenant(OTHER) is None
    (warning,) = check_moves(prepared, OLD | {"tenantId": OTHER})
    assert "creates a new enterprise application" in warning

    monkeypatch.delenv(VARIABLE)
    assert next_entra_tenant(OLD["tenantId"]) is None
    with pytest.raises(SettingsError, match=f"{VARIABLE}=move={OTHER} in the environment"):
        check_moves(prepared, OLD | {"tenantId": OTHER})


def test_two_moves_are_confirmed_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two moves need two confirmations, and the error names both."""
    both = OLD | {"realm": "Fabrikam", "serverUrl": "https://eu.auth.kzero.com"}
    monkeypatch.setenv(VARIABLE, "move=Fabrikam")

    with pytest.raises(SettingsError, match=r"move=eu\.auth\.kzero\.com.* move=Fabrikam to the same variable"):
        check_moves(OLD, both)

    monkeypatch.setenv(VARIABLE, "move=Fabrikam move=eu.auth.kzero.com")
    assert len(check_moves(OLD, both)) == 2


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"tenantId": OLD["tenantId"].upper()},
        {"serverUrl": "https://CA.auth.kzero.com:443/"},
        {"kzeroClientSecret": "another"},
        {"realm": None},
    ],
)
def test_other_changes_are_not_moves(monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]) -> None:
    """Another spelling, other credentials, or a setting from the environment is not a move."""
    monkeypatch.delenv(VARIABLE, raising=False)

    assert check_moves(OLD, OLD | change) == []


def test_servers_are_compared_by_origin_and_path() -> None:
    """Servers are equal if origin and path are equal, regardless of spelling."""
    assert same_server("https://a", "HTTPS://A/")
    assert not same_server("https://a/auth", "https://a")
