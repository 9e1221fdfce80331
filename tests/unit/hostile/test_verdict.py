"""The harness of attacks finds planted leaks in every form, and knows what is no leak."""

from __future__ import annotations

from collections import Counter

import pytest

from hostile import table
from hostile.attacks import FORMS
from hostile.cases import FLEET_DRIFT, PREVIEW, Case
from hostile.harness import all_cases
from hostile.verdict import Result, found_in, fragments

SECRET = 'p@ss/w+rd "of"=KZero&co'
TOKEN = f"eyJhbGciOiJub25lIn0.{'abcdefghij' * 20}.{'0123456789' * 5}"


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", [SECRET, TOKEN])
def test_a_planted_secret_is_found_in_every_form(form: str, secret: str) -> None:
    """Also in a table's cell, and where only a part of it is there."""
    for text in (secret, f"Bearer {secret}", secret[4:] if secret is SECRET else secret[30:90]):
        said = f"│ failed │ the service answered {FORMS[form](text)} │"

        assert found_in(said, {"it": fragments(secret)}) == ["it"], said


def test_what_is_no_secret_is_not_found() -> None:
    """Neither a replaced secret, nor the public first part of a token, nor a few letters of a secret."""
    for text in ("the service answered [secret]", TOKEN.partition(".")[0], "of KZero & co"):
        assert found_in(text, {"it": fragments(SECRET), "token": fragments(TOKEN)}) == []


def test_there_are_enough_cases_and_each_has_its_own_key() -> None:
    """There are at least sixty cases, over all kinds of attacks, and each has a command."""
    cases = all_cases()

    assert len(cases) >= 60
    assert [key for key, count in Counter(case.key for case in cases).items() if count > 1] == []
    assert all(case.commands for case in cases)


def test_the_table_shows_what_was_measured() -> None:
    """A row has the attack, its commands, the hostile tenant's error, the others' time, memory, and the result."""
    case = Case(key="a", what="a service | lies", commands=(FLEET_DRIFT,))
    good = Result(case=case, said="it failed", seconds=1.04, usual=0.96, megabytes=120.4)
    bad = Result(case=Case(key="b", what="x", commands=(PREVIEW,) * 3), problems=("a leak",), megabytes=90)

    text = table.report([good, bad]).markdown("make hostile", "2 cores")

    assert "1 of 2 cases passed, in 4 commands; the largest needed 120 MB." in text
    assert text.splitlines()[-2:] == [
        "| a service \\| lies | fleet drift | it failed | 1.0 s (usually 1.0 s) | 120 MB | ok |",
        "| x | 3 commands |  |  | 90 MB | FAILED |",
    ]
