"""No secret in any text."""

from __future__ import annotations

import base64
import html
import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hostile.verdict import found_in, fragments
from kzero_scim import redaction
from kzero_scim.redaction import REPLACEMENT, SHORTEST, Redactor
from kzero_scim.secret_variables import is_secret

Encode = Callable[[str], str]

SECRETS = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Z"]), min_size=SHORTEST, max_size=40
).filter(lambda text: text.strip() == text)
URLSAFE: Encode = lambda text: base64.urlsafe_b64encode(text.encode()).decode()  # noqa: E731
STANDARD: Encode = lambda text: base64.b64encode(text.encode()).decode()  # noqa: E731
ENCODINGS: dict[str, Encode] = {
    "as it is": str,
    "URL": lambda text: quote(text, safe=""),
    "path": quote,
    "URL in lower case": lambda text: quote(text, safe="").replace("%2F", "%2f").replace("%3D", "%3d"),
    "form": quote_plus,
    "URL twice": lambda text: quote(quote(text, safe=""), safe=""),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "JSON with letters": lambda text: json.dumps(text, ensure_ascii=False)[1:-1],
    "JSON with slashes": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "JSON twice": lambda text: json.dumps(json.dumps(text))[1:-1],
    "JSON of a form": lambda text: json.dumps({"body": urlencode({"client_secret": text})}),
    "HTML": html.escape,
    "HTML numbers": lambda text: "".join(f"&#{ord(letter)};" for letter in text),
    "HTML of JSON": lambda text: html.escape(json.dumps(text)),
    "Python": lambda text: repr(text)[1:-1],
    "base64": STANDARD,
    "base64 at 1": lambda text: STANDARD("x" + text),
    "base64 at 2": lambda text: STANDARD("xy" + text + "z"),
    "base64 for URLs": lambda text: URLSAFE("x" + text + "yz"),
    "Basic": lambda text: f"Basic {STANDARD(f'client:{text}')}",
    "Basic of a form": lambda text: f"Basic {STANDARD(f'client:{quote_plus(text)}')}",
    "a token's claims": lambda text: f"a.{URLSAFE(json.dumps({'secret': text})).rstrip('=')}.b",
    "base64 in a URL": lambda text: quote(STANDARD(text), safe=""),
}


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("secret", ["p@ss/w+rd \"&' 100%", "Zm9v-plain_secret~1", "größe ü/🔑 x", "a%20b\\n+c d"])
def test_an_encoded_secret_is_replaced(encoding: str, secret: str) -> None:
    """Each form in which a server or a library repeats a secret."""
    encoded = ENCODINGS[encoding](secret)

    text = Redactor([secret]).redact(f"server said ({encoded}) twice: ({encoded})")

    assert REPLACEMENT in text
    assert encoded not in text
    assert secret not in text


@pytest.mark.parametrize("encoding", ENCODINGS)
@given(secret=SECRETS)
def test_any_secret_is_found_in_every_encoding(encoding: str, secret: str) -> None:
    """Whatever characters it has."""
    encoded = ENCODINGS[encoding](secret)

    text = Redactor([secret]).redact(f"({encoded})")

    assert text.replace(REPLACEMENT, "") != f"({encoded})"
    assert secret not in text.replace(REPLACEMENT, "\0")


def test_percent_encoding_is_found_in_either_case() -> None:
    """``%2f`` as well as ``%2F``."""
    assert Redactor(["a/b/c"]).redact("a%2fb%2Fc") == REPLACEMENT


def test_secrets_inside_objects_and_lists_are_learnt() -> None:
    """A property may be secret as a whole."""
    redactor = Redactor()
    redactor.learn({"a": ["first one", {"b": "second one"}], "c": 12, "d": None})

    assert redactor.redact("first one, second one, 12") == f"{REPLACEMENT}, {REPLACEMENT}, 12"


def test_overlapping_secrets_are_replaced_as_a_whole() -> None:
    """No rest of the longer one stays to be read, nor of one that begins inside another."""
    redactor = Redactor(["token", "token-2", "2 words"])

    assert redactor.redact("it is token-2 words") == f"it is {REPLACEMENT}"


def test_a_short_secret_is_replaced_as_the_value_of_a_field() -> None:
    """Replacing every "no" would make messages unreadable."""
    redactor = Redactor(["no"])

    assert redactor.redact("no such user") == "no such user"
    assert redactor.redact('{"client_secret":"no"} password=no&x') == (
        f'{{"client_secret":"{REPLACEMENT}"}} password={REPLACEMENT}&x'
    )
    assert redactor.redact(f"Basic {STANDARD('client:no')}") == f"Basic {REPLACEMENT}"


def test_a_line_of_a_longer_secret_is_replaced() -> None:
    """An error may quote one line of a key, and a message is shown on one line."""
    redactor = Redactor(["-----BEGIN KEY-----\nabcdefgh12345678\nijklmnop\n-----END KEY-----\n"])

    assert redactor.redact("bad line: abcdefgh12345678") == f"bad line: {REPLACEMENT}"
    assert redactor.redact("-----BEGIN KEY----- abcdefgh12345678 ijklmnop -----END KEY-----") == REPLACEMENT


@given(st.text(), st.text(min_size=SHORTEST), st.text())
def test_redacting_twice_changes_nothing(before: str, secret: str, after: str) -> None:
    """Texts pass through several places."""
    redactor = Redactor([secret])
    once = redactor.redact(before + secret + after)

    assert redactor.redact(once) == once


def test_a_text_is_redacted_before_it_is_shortened() -> None:
    """Half a secret would not be found."""
    with redaction.using(Redactor(["0123456789"])):
        assert redaction.shortened("xx 0123456789", 8) == "xx [secr"


def test_the_secrets_of_an_environment_are_known(tmp_path: Path) -> None:
    """Values, passwords in addresses, and the contents of files that variables name."""
    file = tmp_path / "token"
    file.write_text("content-of-file\n")
    environment = {
        "ARM_CLIENT_SECRET": "client-secret",
        "ARM_OIDC_TOKEN": "oidc-token",
        "ARM_CLIENT_CERTIFICATE_PASSWORD": "certificate-password",
        "KZERO_REMOTE_TOKEN_CLIENT_SECRET": "remote-secret",
        "KZERO_PASSWORD__FABRIKAM": "tenant-password",
        "PULUMI_CONFIG_PASSPHRASE": "pass-phrase",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "request-token",
        "SYSTEM_ACCESSTOKEN": "system-token",
        "WEBHOOK_URL": "https://hooks.example/whole-address",
        "HTTPS_PROXY": "http://me:proxy%2Fpassword@proxy.example:3128",
        "https_proxy": "me:no-scheme-password@proxy.example",
        "PULUMI_BACKEND_URL": "postgres://me:data/base@db.example/states?sslpassword=ssl-password",
        "ARM_OIDC_TOKEN_FILE_PATH": str(file),
        "ARM_CLIENT_ID": "shown-client",
        "KZERO_REMOTE_TOKEN_CLIENT_ID": "shown-too",
        "ARM_USE_TOKEN": "true",
    }
    redactor = Redactor.of(environment)

    for secret in (
        *("client-secret", "oidc-token", "certificate-password", "remote-secret", "tenant-password", "pass-phrase"),
        *("request-token", "system-token", "https://hooks.example/whole-address", "proxy%2Fpassword", "proxy/password"),
        *("no-scheme-password", "data/base", "ssl-password", "content-of-file"),
    ):
        assert redactor.redact(f"<{secret}>") == f"<{REPLACEMENT}>"
    for text in ("shown-client", "shown-too", "true", "proxy.example:3128", "db.example"):
        assert redactor.redact(text) == text


def test_a_pipe_that_a_variable_names_is_not_waited_for(tmp_path: Path) -> None:
    """Nobody may ever write into it."""
    os.mkfifo(tmp_path / "pipe")

    assert Redactor.of({"ARM_OIDC_TOKEN_FILE_PATH": str(tmp_path / "pipe")}).redact("text") == "text"


def test_secrets_are_told_by_their_names() -> None:
    """Ids, addresses and paths stay readable in an error."""
    secret = {
        "ARM_CLIENT_SECRET",
        "ARM_CLIENT_CERTIFICATE",
        "KZERO_PASSWORD",
        "VAULT_TOKEN",
        "PULUMI_CONFIG_PASSPHRASE",
    }
    secret |= {"ACTIONS_ID_TOKEN_REQUEST_TOKEN", "AWS_SECRET_ACCESS_KEY", "AZURE_STORAGE_KEY"}
    public = {"ARM_CLIENT_ID", "ARM_TENANT_ID", "ACTIONS_ID_TOKEN_REQUEST_URL", "ARM_OIDC_TOKEN_FILE_PATH", "PATH"}
    public |= {"AWS_ACCESS_KEY_ID", "PULUMI_CONFIG_PASSPHRASE_FILE", "KZERO_SCIM_CREDENTIALS_DIR", "ARM_USE_OIDC"}

    assert {name for name in secret | public if is_secret(name)} == secret


def test_a_long_text_is_shortened_quickly_and_reveals_nothing() -> None:
    """A service may answer with a message or a name of many megabytes, in which each character is an escape."""
    secret = "".join(f"%{ord(letter):02x}" for letter in "s3cret-of-the-tenant")
    token = "eyJ" + "abc-_123" * 400
    redactor = Redactor(["s3cret-of-the-tenant", token])
    began = time.monotonic()

    for before in ("", "x" * 150, "%41" * 60):
        for form in (secret, "".join(f"\\u{ord(letter):04x}" for letter in token)):
            said = redactor.shortened(before + form + " " + "%41" * 5_000_000, 200)
            assert said.startswith(f"{before}{REPLACEMENT}")
            assert len(said) <= 200
            line = redactor.line(before + form + " " + "%41" * 5_000_000)
            assert line.startswith(f"{before}{REPLACEMENT}")
            assert line.endswith(" characters)")
    # Before, one such text took minutes.
    assert time.monotonic() - began < 20


def test_a_secret_at_the_end_of_what_is_looked_at_is_not_shown() -> None:
    """Where the window ends in the middle of a secret, the returned beginning ends before it."""
    redactor = Redactor(["s3cret-of-the-tenant"])
    replaced = "s3cret-of-the-tenant " * 10_000

    for text in (replaced, f"x{replaced}", f"{'x' * 13}{replaced}"):
        for part in (redactor.shortened(text, 10_000_000), redactor.line(text)):
            assert "s3cret" not in part


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_access_token_that_nothing_learnt_is_replaced(encoding: str) -> None:
    """Azuread signs in by itself, and the service that it asks may repeat its token."""
    token = f"eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0.{'x-_9' * 20}"

    said = Redactor().redact(f"answered {ENCODINGS[encoding](f'Authorization: Bearer {token} x')}")

    assert found_in(said, {"token": fragments(token)}) == []


@pytest.mark.parametrize("encoding", ["as it is", "URL", "form", "JSON", "HTML", "base64"])
def test_a_bearer_token_of_another_kind_is_replaced(encoding: str) -> None:
    """Not every issuer's tokens are JSON web tokens."""
    token = f"{'opaque+/' * 6}="

    said = Redactor().redact(f"answered {ENCODINGS[encoding](f'Authorization: Bearer {token}')}")

    assert found_in(said, {"token": fragments(token)}) == []
