"""The tools parse the versions that programs print, and decide which programs to use."""

from __future__ import annotations

import pytest

from tools import pulumi_cli, version


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("go version go1.25.11 linux/amd64", (1, 25, 11)),
        ("go version go1.26 darwin/arm64", (1, 26, 0)),
        ("v3.259.0", (3, 259, 0)),
        ("v3.260.0-alpha.x1b59498", (3, 260, 0)),
        ("uv 0.13.8 (x86_64-unknown-linux-gnu)", (0, 13, 8)),
        ("command not found", None),
        ("", None),
    ],
)
def test_parse_returns_the_first_version_in_a_text(text: str, expected: version.Version | None) -> None:
    assert version.parse(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment', 17),
        ('Picked up JAVA_TOOL_OPTIONS: -Xmx1g\nopenjdk version "21" 2023-09-19', 21),
        ('java version "1.8.0_292"', 8),
        ('openjdk version "25-ea" 2025-09-16', 25),
        ("Unable to locate a Java Runtime.", None),
    ],
)
def test_java_release_parses_both_version_schemes(text: str, expected: int | None) -> None:
    assert version.java_release(text) == expected


def test_versions_compare_as_numbers_not_as_text() -> None:
    nine, ten = version.parse("1.9.0"), version.parse("1.10.0")

    assert nine is not None
    assert ten is not None
    assert nine < ten


@pytest.mark.parametrize(
    ("found", "language_host", "expected"),
    [
        ((3, 200, 0), True, None),
        ((4, 0, 0), True, None),
        ((3, 199, 9), True, "older than 3.200.0"),
        ((3, 259, 0), False, "pulumi-language-python is neither"),
        (None, True, "does not print its version"),
    ],
)
def test_a_pulumi_cli_on_path_is_used_if_recent_and_with_a_language_host(
    found: version.Version | None, *, language_host: bool, expected: str | None
) -> None:
    reason = pulumi_cli.refusal(found, language_host=language_host)

    assert reason is None if expected is None else expected in (reason or "")
