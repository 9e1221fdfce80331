"""No secret in any text."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from kzero_scim.redaction import REPLACEMENT, SHORTEST, Redactor


def test_a_learnt_secret_is_replaced_in_every_spelling() -> None:
    """As it is, inside a URL, inside a form, and inside a JSON document."""
    redactor = Redactor()
    redactor.learn('p@ss "word"')

    text = redactor.redact('p@ss "word" p%40ss%20%22word%22 p%40ss+%22word%22 p@ss \\"word\\"')

    assert text == f"{REPLACEMENT} {REPLACEMENT} {REPLACEMENT} {REPLACEMENT}"


def test_secrets_inside_objects_and_lists_are_learnt() -> None:
    """A property may be secret as a whole."""
    redactor = Redactor()
    redactor.learn({"a": ["first one", {"b": "second one"}], "c": 12, "d": None})

    assert redactor.redact("first one, second one, 12") == f"{REPLACEMENT}, {REPLACEMENT}, 12"


def test_a_secret_that_holds_another_is_replaced_as_a_whole() -> None:
    """No rest of the longer one stays to be read."""
    redactor = Redactor()
    redactor.learn(["token", "token-2"])

    assert redactor.redact("it is token-2") == f"it is {REPLACEMENT}"


def test_what_is_too_short_is_left() -> None:
    """Blotting out every "no" would make messages unreadable."""
    redactor = Redactor()
    redactor.learn("no")

    assert redactor.redact("no such user") == "no such user"


@given(st.text(), st.text(min_size=SHORTEST), st.text())
def test_no_learnt_secret_is_left(before: str, secret: str, after: str) -> None:
    """Whatever stands around it."""
    assume(secret not in REPLACEMENT)
    redactor = Redactor()
    redactor.learn(secret)

    assert secret not in redactor.redact(before + secret + after).replace(REPLACEMENT, "\0")
