"""Names cannot forge or hide parts of shown texts."""

from __future__ import annotations

import json
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.display import json_text, one_line, plain, several_lines, without_commands


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("O'Brien & Söhne (50%) 🎉", "O'Brien & Söhne (50%) 🎉"),
        ("شركة كونتوسو", "شركة كونتوسو"),
        ("👩\u200d👩\u200d👧", "👩\u200d👩\u200d👧"),
        ("a\nerror: b", "a\\nerror: b"),
        ("\x1b[2J\x1b[31mred", "\\x1b[2J\\x1b[31mred"),
        ("admin\u202egnp.exe", "admin\\u202egnp.exe"),
        ("a\u2028b\x85c\x9bd", "a\\u2028b\\x85c\\x9bd"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("half \ud83d", "half \\ud83d"),
    ],
)
def test_only_what_is_invisible_or_moves_text_is_written_out(name: str, shown: str) -> None:
    """Only invisible and reordering characters are escaped; other scripts and emoji stay."""
    assert plain(name) == shown


@given(st.text(st.characters(codec=None)))
def test_a_shown_text_has_one_line_and_no_control(text: str) -> None:
    """A shown text has one line and no control character, for every input."""
    for shown in (plain(text), one_line(text)):
        assert len(shown.splitlines()) <= 1
        assert not [c for c in shown if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"}]
        assert not [c for c in shown if unicodedata.bidirectional(c) in {"LRE", "RLE", "LRO", "RLO", "PDF", "RLI"}]
        shown.encode()


@given(st.text(st.characters(codec=None)))
def test_writing_out_twice_changes_nothing(text: str) -> None:
    """Escaping a second time changes nothing."""
    assert plain(plain(text)) == plain(text)
    assert plain(text) == without_commands("".join(map(plain, text)))


def test_lines_of_a_message_of_ours_stay_lines() -> None:
    """The lines of a message of several lines stay separate."""
    assert several_lines("two problems:\n  a\x1b\n  b") == "two problems:\n  a\\x1b\n  b"


RUNNERS = re.compile(r"##vso\[|##\[|^\s*::.*::|::(error|set-output|add-mask|stop-commands)\b[^\n]*::", re.IGNORECASE)
"""What runners of Azure DevOps and GitHub obey."""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("##vso[task.setvariable variable=a]b", "# #vso[task.setvariable variable=a]b"),
        ("x ##VSO[task.complete result=Failed]", "x # #VSO[task.complete result=Failed]"),
        ("###[error]x", "# # #[error]x"),
        ("a ::error file=x::y", "a : :error file=x::y"),
        ("::unknown::y", ": :unknown::y"),
        ("  :::Add-Mask::y", ": : :Add-Mask::y"),
        ("urn:pulumi:dev::kzero::kzero:index:X::name", "urn:pulumi:dev::kzero::kzero:index:X::name"),
        ("at [::1]:8080, issue ##12, # title", "at [::1]:8080, issue ##12, # title"),
    ],
)
def test_a_workflow_command_shows_and_does_nothing(text: str, shown: str) -> None:
    """A name may hold what a pipeline's runner obeys."""
    assert one_line(text) == shown
    assert not RUNNERS.search(plain(text))
    assert not RUNNERS.search(several_lines(f"first\n{text}\nlast"))


@given(st.lists(st.sampled_from(["##", "#", "vso[", "[", "::", ":", "error", " ", "x", "add-mask", "\n", "\r"])))
def test_no_workflow_command_is_left(parts: list[str]) -> None:
    """However its pieces are put together."""
    text = "".join(parts)

    for shown in (plain(text), one_line(text), several_lines(text), without_commands(text)):
        assert not RUNNERS.search(shown)
        assert without_commands(shown) == shown


@given(st.lists(st.sampled_from(["##", "vso[", "[", "::", ":", "error", "\\", '"', "\n"])))
def test_json_holds_no_workflow_command_and_says_the_same(parts: list[str]) -> None:
    """Programs read the names as they are."""
    document = {"name": "".join(parts)}

    assert json.loads(json_text(document)) == document
    assert not RUNNERS.search(json_text(document))
