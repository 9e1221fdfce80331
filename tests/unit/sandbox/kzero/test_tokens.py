"""Which bearer tokens the sandbox's KZero accepts: checks of signature, issuer, audience, client and time."""

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
    """Return a header value with a valid token except for the given claims; None omits a claim."""
    fitting = {"iss": ISSUER, "aud": "scim", "exp": int(time.time()) + 600} | claims
    kept = {name: value for name, value in fitting.items() if value is not None}
    return "Bearer " + jwt.encode({"alg": "RS256", "kid": key.kid}, kept, key)


def verifier(answer: Callable[[], httpx.Response]) -> TokenVerifier:
    """Return a verifier whose issuer answers requests for its keys with the function's result."""
    return TokenVerifier(httpx.AsyncClient(transport=httpx.MockTransport(lambda _: answer())))


def publishes(*keys: RSAKey) -> Callable[[], httpx.Response]:
    """Return an answer with these public keys."""
    return lambda: httpx.Response(200, json={"keys": [key.as_dict(private=False) for key in keys]})


async def test_a_valid_token_returns_its_claims() -> None:
    """The claims of the issuer's own token for this audience are returned."""
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
    """An invalid token is refused with a reason that does not contain the token."""
    with pytest.raises(TokenRefusedError) as refused:
        await verifier(publishes(KEY)).verify(header, EXPECTED)

    assert reason in str(refused.value)
    assert (header or "Bearer x").removeprefix("Bearer ").strip() not in str(refused.value) or header in {
        "Bearer ",
        "Basic abc",
    }


async def test_a_token_of_another_client_is_refused() -> None:
    """Profile Generic accepts the tokens of one client only."""
    expected = Expected(issuer=ISSUER, keys_url=KEYS_URL, client_id="scim-endpoint")
    subject = verifier(publishes(KEY))

    assert (await subject.verify(token(azp="scim-endpoint"), expected))["azp"] == "scim-endpoint"
    with pytest.raises(TokenRefusedError, match="not issued to client scim-endpoint"):
        await subject.verify(token(azp="kzero-scim"), expected)


async def test_keys_are_fetched_again_when_the_issuer_has_new_ones() -> None:
    """The issuer may change its keys while the endpoint runs."""
    answers = iter([publishes(KEY)(), publishes(OTHER_KEY)()])
    subject = verifier(lambda: next(answers))
    await subject.verify(token(), EXPECTED)

    await subject.verify(token(OTHER_KEY), EXPECTED)


@pytest.mark.parametrize("status", [404, 500])
async def test_an_issuer_without_keys_is_named(status: int) -> None:
    """The error for an issuer without keys, such as an unknown Entra tenant, names the address."""
    with pytest.raises(TokenRefusedError, match=f"{KEYS_URL} answered {status}"):
        await verifier(lambda: httpx.Response(status)).verify(token(), EXPECTED)


def test_a_tenants_fixed_tokens_match_their_digests() -> None:
    """A tenant can have several fixed tokens, so that one can replace another; all other tokens are refused."""
    digests = {token_digest("old"), token_digest("new")}

    assert is_fixed_token("Bearer old", digests)
    assert is_fixed_token("bearer new", digests)
    assert not is_fixed_token("Bearer other", digests)
    assert not is_fixed_token("Basic old", digests)
    assert not is_fixed_token(None, digests)
    assert not is_fixed_token("Bearer ", ())
