"""Failures of the azuread plugin, in the official plugin's words, shortened to what happened."""

from __future__ import annotations

import pytest

from kzero_scim.entra.azuread_error import is_gone, without_frames

_GET = "azuread:index/getGroup"
_TOKEN = (
    "could not configure the Terraform AzureAD provider: obtaining token: clientCredentialsToken: received HTTP status "
    r'401 with response: {"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.'
    r' \r\nTrace ID: 1c3f \r\nTimestamp: 2026-11-28 10:00:00Z","error_codes":[7000215]}'
)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("sdk-v2/provider2.go:572: sdk.helper_schema: no: provider=azuread@6.11.1", "no"),
        ("1 error occurred:\n\t* no\n\n", "no"),
        ("2 errors occurred:\n\t* one\n\t* two\n\n", "one; two"),
        (
            "deleting urn:pulumi:a::b::azuread:index/application:Application::tenant: 1 error occurred:\n\t* no",
            "no",
        ),
        (
            f"invoke of {_GET} failed: invocation of {_GET} returned an error: invoking {_GET}: no",
            "no",
        ),
        ("rpc error: code = Unknown desc = no", "no"),
        (
            _TOKEN,
            _TOKEN[: _TOKEN.index("{")] + "AADSTS7000215: Invalid client secret provided.",
        ),
        ("unexpected body {not JSON}", "unexpected body {not JSON}"),
        ("kzeroTenant: not set", "kzeroTenant: not set"),
    ],
)
def test_only_what_happened_remains(message: str, expected: str) -> None:
    """Frames of plugin and engine are removed, and all else stays."""
    assert without_frames(message) == expected


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ('Application with object ID "1" was not found', True),
        ('Service principal with object ID "1" was not found in tenant 2', True),
        ("unexpected status 403 with error: Authorization_RequestDenied", False),
        ("the host login.example was not found", False),
    ],
)
def test_only_a_missing_application_is_gone(reason: str, expected: bool) -> None:  # noqa: FBT001 - a column of the table
    """Only Entra's answer that the object does not exist means that it is gone."""
    assert is_gone(reason) is expected
