"""Tests that the reason of a failed Pulumi command is found wherever the CLI prints it."""

from __future__ import annotations

import json

import pytest

from kzero_scim.stack.stack import reason_of

FAILED = {
    "steps": [],
    "diagnostics": [
        {"urn": "urn:x", "message": "Downloading plugin", "severity": "info"},
        {"urn": "urn:x", "message": "error: kzero-scim:groups: 'x' does not exist\n", "severity": "error"},
        {"urn": "urn:y", "message": "error: kzero-scim:groups: 'x' does not exist\n", "severity": "error"},
        {"message": "an unhandled error occurred", "severity": "error"},
    ],
}


@pytest.mark.parametrize(
    ("stderr", "stdout", "reason"),
    [
        ("error: no stack\n", "", "no stack"),
        ("", json.dumps(FAILED), "kzero-scim:groups: 'x' does not exist an unhandled error occurred"),
        ("error: preview failed", json.dumps(FAILED), "kzero-scim:groups: 'x' does not exist an unhandled error"),
        ("error: no stack", "{", "no stack"),
        ("error: no stack", json.dumps({"diagnostics": [1, {"severity": "error"}]}), "no stack"),
        ("error: no stack", json.dumps([]), "no stack"),
    ],
)
def test_errors_on_either_output_are_shown(stderr: str, stdout: str, reason: str) -> None:
    """With --json the CLI prints errors as diagnostics on standard output."""
    assert reason_of(stderr, stdout).startswith(reason)


def test_the_advice_about_the_backend_stays() -> None:
    """A missing backend has its own advice."""
    assert "run `pulumi login`" in reason_of("error: PULUMI_ACCESS_TOKEN must be set")
