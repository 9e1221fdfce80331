"""Tests of which server a custom cloud's sign-in may ask."""

from __future__ import annotations

import pytest

from kzero_scim.clients.graph.login_limits import require_login
from kzero_scim.errors import GraphError


@pytest.mark.parametrize(
    ("url", "login"),
    [
        ("https://login.example/t/oauth2/v2.0/token", "https://login.example"),
        ("https://LOGIN.example:443/t", "https://login.example"),
        ("https://elsewhere.example/token", ""),
    ],
)
def test_the_login_itself_is_asked(url: str, login: str) -> None:
    """Spelling does not matter; without a login, any server may be asked."""
    require_login(url, login)


@pytest.mark.parametrize(
    "url",
    [
        "https://elsewhere.example/token",
        "http://login.example/t",
        "https://login.example:8443/t",
        "https://login.example@x/",
    ],
)
def test_another_server_is_not_asked(url: str) -> None:
    """The login's OpenID configuration may name any token endpoint."""
    with pytest.raises(GraphError, match="nothing was sent there"):
        require_login(url, "https://login.example")
