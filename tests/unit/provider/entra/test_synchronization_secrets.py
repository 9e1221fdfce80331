import json

from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.provider.entra.synchronization_credentials.secret_keys import (
    Notification,
    body_of,
    decode_notification,
    keys_of,
    settings_fingerprint,
)
from kzero_scim.resource.fingerprints import token_fingerprint


@given(
    email=st.none() | st.from_regex(r"[a-z]{1,8}@[a-z]{1,8}\.example", fullmatch=True),
    threshold=st.none() | st.integers(1, 10**6),
)
def test_a_notification_reads_as_it_was_written(email: str | None, threshold: int | None) -> None:
    """A notification is read as it was written."""
    wanted = Notification(email, threshold)

    assert decode_notification(wanted.encode()) == wanted


def test_a_notification_has_microsofts_form() -> None:
    """A notification is JSON with four members, and the portal's threshold by default."""
    assert json.loads(Notification("a@b.example").encode()) == {
        "Enabled": True,
        "Recipients": "a@b.example",
        "DeleteThresholdEnabled": False,
        "DeleteThresholdValue": 500,
    }


def test_a_threshold_without_an_address_is_on_and_tells_nobody() -> None:
    """A threshold without an address is enabled, as the portal writes it."""
    assert json.loads(Notification(deletion_threshold=25).encode()) == {
        "Enabled": False,
        "Recipients": "",
        "DeleteThresholdEnabled": True,
        "DeleteThresholdValue": 25,
    }


def test_what_is_no_notification_is_none() -> None:
    """A mask, another type and an empty text are read as no notification."""
    assert [decode_notification(text) for text in ("*", "[]", "", '{"Enabled":true}')] == [Notification()] * 4


def test_secrets_are_read_tolerantly() -> None:
    """Pairs without a key are ignored."""
    document = {"value": [{"key": "BaseAddress", "value": "*"}, {"value": "x"}, "y", {"key": "SyncAll", "value": None}]}

    assert keys_of(document) == {"BaseAddress": "*", "SyncAll": ""}
    assert body_of({"a": "b"}) == {"value": [{"key": "a", "value": "b"}]}


def test_a_fingerprint_follows_the_token_and_hides_it() -> None:
    """The fingerprint changes with the token and the service principal, and does not contain the token."""
    one = token_fingerprint("sp1", "token-value")

    assert one == token_fingerprint("sp1", "token-value")
    assert one not in {token_fingerprint("sp1", "other"), token_fingerprint("sp2", "token-value"), None}
    assert "token-value" not in str(one)
    assert token_fingerprint("sp1", "") is token_fingerprint("sp1", None) is None


def test_the_settings_fingerprint_follows_address_token_and_scope() -> None:
    """The fingerprint changes with each of address, token and scope."""
    base = settings_fingerprint("https://a", "t", "assigned")

    assert base == settings_fingerprint("https://a", "t", "assigned")
    others = {
        settings_fingerprint("https://b", "t", "assigned"),
        settings_fingerprint("https://a", None, "assigned"),
        settings_fingerprint("https://a", "t", "all"),
        settings_fingerprint("https://a", "t", None),
    }
    assert len(others | {base}) == 5
