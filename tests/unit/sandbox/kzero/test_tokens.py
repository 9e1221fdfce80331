"""Which bearer tokens the sandbox's KZero takes: judged by signature, issuer, audience, client and time."""

import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey
from kzero_sandbox.kzero.tokens import Expected, TokenRefusedError, TokenVerifier, is_fixed_token, token_digest

ISSUER = "https://sts.windows.net/5a4d0b0c-0000-4000-8000-00000000e401/"
KEYS_URL = "https://localhost/keys"
EXPECTED = Expected(issuer=ISSUER, keys_url=KEYS_URL, audience="scim")

KEY = RSAKey.generate_key(2048, parameters={"kid": "first"})
OTHER_KEY = RSAKey.generate_key(2048, parameters={"kid": "second"})


def token(key: RSAKey = KEY, **claims: Any) -> str:  # noqa: ANN401 - claims
    """Return a header value with a token that fits, but for the given claims; None leaves a claim out."""
    fitting = {"iss": ISSUER, "aud": "scim", "exp": int(time.time()) + 600} | claims
    kept = {name: value for name, value in fitting.items() if value is not None}
    return "Bearer " + jwt.encode({"alg": "RS256", "kid": key.kid}, kept, key)


def verifier(answer: Callable[[], httpx.Response]) -> TokenVerifier:
    """Return a verifier whose issuer publishes what the function answers."""
    return TokenVerifier(httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer())))


def publishes(*keys: RSAKey) -> Callable[[], httpx.Response]:
    """Return an answer with these public keys."""
    return lambda: httpx.Response(200, json={"keys": [key.as_dict(private=False) for key in keys]})


async def test_a_fitting_token_gives_its_claims() -> None:
    """The issuer's own token for this audience."""
    claims = await verifier(publishes(KEY)).verify(token(sub="entra"), EXPECTED)

    assert claims["sub"] == "entra"


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (None, "bearer token required"),
        ("Basic abc", "bearer token required"),
        ("Bearer ", "bearer token required"),
        ("Bearer nonsense", "signature"),
        (token(OTHER_KEY), "signature"),
        (token(iss="https://sts.windows.net/another/"), "iss"),
        (token(iss=None), "iss"),
        (token(aud="graph"), "aud"),
        (token(exp=int(time.time()) - 3600), "expired"),
        (token(exp=None), "exp"),
    ],
)
async def test_others_are_refused_with_a_reason_and_without_the_token(header: str | None, reason: str) -> None:
    """A validly signed token of another issuer is refused like any other."""
    with pytest.raises(TokenRefusedError) as refused:
        await verifier(publishes(KEY)).verify(header, EXPECTED)

    assert reason in str(refused.value)
    assert (header or "Bearer x").removeprefix("Bearer ").strip() not in str(refused.value) or header in {
        "Bearer ",
        "Basic abc",
    }


async def test_a_token_of_another_client_is_refused() -> None:
    """Profile Generic takes the tokens of one client."""
    expected = Expected(issuer=ISSUER, keys_url=KEYS_URL, client_id="scim-endpoint")
    subject = verifier(publishes(KEY))

    assert (await subject.verify(token(azp="scim-endpoint"), expected))["azp"] == "scim-endpoint"
    with pytest.raises(TokenRefusedError, match="not issued to client scim-endpoint"):
        await subject.verify(token(azp="kzero-scim"), expected)


async def test_keys_are_asked_for_again_when_the_issuer_has_new_ones() -> None:
    """An issuer may change its keys while the endpoint runs."""
    answers = iter([publishes(KEY)(), publishes(OTHER_KEY)()])
    subject = verifier(lambda: next(answers))
    await subject.verify(token(), EXPECTED)

    await subject.verify(token(OTHER_KEY), EXPECTED)


@pytest.mark.parametrize("status", [404, 500])
async def test_an_issuer_without_keys_is_named(status: int) -> None:
    """A tenant that Entra does not know has no keys."""
    with pytest.raises(TokenRefusedError, match=f"{KEYS_URL} answered {status}"):
        await verifier(lambda: httpx.Response(status)).verify(token(), EXPECTED)


def test_a_tenants_fixed_tokens_are_known_by_their_digests() -> None:
    """Several at a time, so that one can follow another; nothing else passes, least of all without any."""
    digests = {token_digest("old"), token_digest("new")}

    assert is_fixed_token("Bearer old", digests)
    assert is_fixed_token("bearer new", digests)
    assert not is_fixed_token("Bearer other", digests)
    assert not is_fixed_token("Basic old", digests)
    assert not is_fixed_token(None, digests)
    assert not is_fixed_token("Bearer ", ())
