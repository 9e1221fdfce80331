"""Redaction of secrets."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from kzero_scim.redaction import REPLACEMENT, SHORTEST, Redactor


def test_a_learnt_secret_is_replaced_in_every_spelling() -> None:
    """A secret is replaced in plain text, a URL, a form and a JSON document."""
    redactor = Redactor()
    redactor.learn('p@ss "word"')

    text = redactor.redact('p@ss "word" p%40ss%20%22word%22 p%40ss+%22word%22 p@ss \\"word\\"')

    assert text == f"{REPLACEMENT} {REPLACEMENT} {REPLACEMENT} {REPLACEMENT}"


def test_secrets_inside_objects_and_lists_are_learnt() -> None:
    """Strings inside a secret object or list are replaced."""
    redactor = Redactor()
    redactor.learn({"a": ["first one", {"b": "second one"}], "c": 12, "d": None})

    assert redactor.redact("first one, second one, 12") == f"{REPLACEMENT}, {REPLACEMENT}, 12"


def test_a_secret_that_holds_another_is_replaced_as_a_whole() -> None:
    """A secret that contains another one is replaced completely."""
    redactor = Redactor()
    redactor.learn(["token", "token-2"])

    assert redactor.redact("it is token-2") == f"it is {REPLACEMENT}"


def test_what_is_too_short_is_left() -> None:
    """A very short secret such as "no" is not replaced."""
    redactor = Redactor()
    redactor.learn("no")

    assert redactor.redact("no such user") == "no such user"


@given(st.text(), st.text(min_size=SHORTEST), st.text())
def test_no_learnt_secret_is_left(before: str, secret: str, after: str) -> None:
    """A secret is replaced regardless of the text around it."""
    assume(secret not in REPLACEMENT)
    redactor = Redactor()
    redactor.learn(secret)

    assert secret not in redactor.redact(before + secret + after).replace(REPLACEMENT, "\0")
