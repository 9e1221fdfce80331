"""Cases in which the hostile tenant's services, which its operator allows, attack whoever asks them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from faults.cases import key
from hostile import attacks
from hostile.between import Attack, Rule
from hostile.cases import (
    ADOPT,
    CHECK,
    DOCTOR,
    DRIFT,
    FLEET_DRIFT,
    FLEET_PREVIEW,
    FLEET_STATUS,
    PREVIEW,
    READS,
    STATUS,
    SWEEP,
    Case,
    Command,
)

PLACES: Final = {
    "the metadata host": r"^/metadata/",
    "Entra's sign-in": r"/oauth2/v2\.0/token$",
    "Microsoft Graph": r"^/v1\.0/",
    "KZero's sign-in": r"^/realms/[^/]+/protocol/openid-connect/token$",
    "the admin API": r"^/admin/realms/",
    "the SCIM endpoint": r"/scim/v2/",
}
"""The services that a tenant's commands ask, and the paths of their requests."""
_AWKWARD: Final = 'p@ss/w+rd "of"=KZero&co'  # pragma: allowlist secret
_UNASKED: Final = {
    "Microsoft Graph": (DOCTOR,),
    "KZero's sign-in": (STATUS,),
    "the admin API": (STATUS, DOCTOR),
    "the SCIM endpoint": (STATUS, DOCTOR, ADOPT),
}
"""Commands that do not ask a service: status reads Entra only, and doctor signs in and reads the token."""
_OWN: Final = "kzero-scim/"
"""The product's User-Agent. Without it, a bomb would hit the sandbox's Entra too, which all tenants share."""
_SOON: Final = 15
"""Seconds after which a fleet command stops a tenant whose services stall."""
_FAR: Final = "Fri, 31 Dec 9999 23:59:59 GMT"


def services() -> Iterable[Case]:
    """Return the cases."""
    yield from _echoes()
    yield from _bombs()
    yield from _stalls()
    yield from _lies()


def _case(  # noqa: PLR0913 - each is independent
    kind: str,
    place: str,
    attack: Attack,
    commands: tuple[Command, ...] = SWEEP,
    *,
    outcome: tuple[str, ...] = ("failed", "unhealthy"),
    codes: Mapping[str, tuple[int, ...]] | None = None,
    settings: Mapping[str, Any] | None = None,
    variables: Mapping[str, str] | None = None,
    limit: int = 60,
    agent: str = "",
) -> Case:
    return Case(
        key=key(kind, place),
        what=f"{place} {kind}",
        commands=commands,
        settings=settings or {},
        variables=variables or {},
        rules=(Rule(path=PLACES[place], attack=attack, agent=agent),),
        outcome=outcome,
        # A point of the checklist that cannot be checked makes a tenant unhealthy.
        codes={FLEET_STATUS.name: (1, 2), **(codes or {})},
        secrets=tuple((variables or {}).values()),
        limit=limit,
    )


def _echoes() -> Iterable[Case]:
    forms = list(attacks.FORMS)
    for number, place in enumerate(PLACES):
        commands = tuple(command for command in READS if command not in _UNASKED.get(place, ()))
        awkward = {"KZERO_CLIENT_SECRET": _AWKWARD} if place == "KZero's sign-in" else None
        yield _case(
            f"echoes the request: {forms[number]}", place, attacks.echo(forms[number]), commands, variables=awkward
        )
    for number, form in enumerate(forms):
        place = list(PLACES)[1:5][number % 4]
        status = 401 if number % 2 else 400
        yield _case(f"echoes after 150 letters: {form}", place, attacks.echo(form, status, "x" * 150 + " "))
    yield _case(
        "echoes in pieces of 7 bytes",
        "KZero's sign-in",
        attacks.echo("as it is", pieces=7),
        (CHECK, DRIFT, FLEET_DRIFT),
    )


def _bombs() -> Iterable[Case]:
    for place in ("Entra's sign-in", "Microsoft Graph", "the admin API", "the metadata host"):
        yield _case("answers 1.5 GB in gzip", place, attacks.bomb("gzip"))
    yield _case("answers 1.5 GB in deflate", "KZero's sign-in", attacks.bomb("deflate"))
    yield _case("answers 1.5 GB in gzip in gzip", "Microsoft Graph", attacks.bomb("gzip", 2))
    yield _case("answers in gzip ten times", "the admin API", attacks.bomb("gzip", 10))
    yield _case("answers in br", "Microsoft Graph", attacks.answer(b"\x1b\xff", content_encoding="br"))
    yield _case("answers 1.5 GB in gzip", "the SCIM endpoint", attacks.bomb("gzip"), (CHECK, FLEET_STATUS), agent=_OWN)
    for place in ("Entra's sign-in", "Microsoft Graph", "the admin API"):
        yield _case("answers lists in lists", place, attacks.answer(b"[" * 8_000_000))
        yield _case("answers 8 million values", place, attacks.answer(b"[" + b"0," * 8_000_000 + b"0]"))
        yield _case("answers objects at the limit", place, attacks.answer(b'{"value":[' + b"[[]]," * 160_000 + b"0]}"))
    digits = b'{"value": [], "id": ' + b"9" * 1_000_000 + b"}"
    yield _case("answers a number of a million digits", "Microsoft Graph", attacks.answer(digits))
    yield _case("answers a number of a million digits", "the admin API", attacks.answer(digits))
    for place in ("the metadata host", "Microsoft Graph", "the admin API", "KZero's sign-in"):
        yield _case("answers without end", place, attacks.endless)
    yield _case(
        "links pages without end",
        "Microsoft Graph",
        attacks.endless_pages,
        outcome=("failed", "timed-out"),
        limit=_SOON,
    )
    header = attacks.answer(b"{}", x_long="a" * 8_000_000)
    for place in ("Microsoft Graph", "the admin API"):
        yield _case("answers with a header of 8 MB", place, header)


def _stalls() -> Iterable[Case]:
    late = ("failed", "unhealthy", "timed-out")
    for place in PLACES:
        if place == "the SCIM endpoint":
            continue
        yield _case("never answers", place, attacks.silent, outcome=late, limit=_SOON)
    for place in ("Microsoft Graph", "the admin API"):
        yield _case(
            "stops after its headers",
            place,
            attacks.after_headers,
            (FLEET_DRIFT, FLEET_STATUS),
            outcome=late,
            limit=_SOON,
        )
        yield _case("sends a byte per second", place, attacks.dripping, outcome=late, limit=_SOON)
    yield _case(
        "sends a byte per second", "Entra's sign-in", attacks.dripping, (FLEET_PREVIEW,), outcome=late, limit=_SOON
    )
    for setting, value in (("azuread:metadataHost", "{silent-host}"), ("kzeroServerUrl", "{silent}")):
        yield Case(
            key=key("stalls-in-tls", setting),
            what=f"the host of {setting} accepts connections and says nothing, not even in TLS",
            commands=(FLEET_DRIFT, FLEET_STATUS) if "azuread" in setting else (FLEET_DRIFT,),
            settings={setting: value},
            outcome=late,
            limit=_SOON,
        )


def _lies() -> Iterable[Case]:
    late = ("failed", "unhealthy", "timed-out")
    for number, text in enumerate(("nan", "1e9", "inf", "-5", _FAR, "9" * 5000, "٣٠")):
        place = ("Microsoft Graph", "the admin API", "KZero's sign-in", "Entra's sign-in")[number % 4]
        sent = text.encode().decode("latin-1")
        shown = text if len(text) < 40 else "of 5,000 digits"  # noqa: PLR2004 - for the table
        yield _case(
            f"answers 429, Retry-After {shown}",
            place,
            attacks.busy(sent),
            outcome=late,
        )
    for place, status in (
        ("Entra's sign-in", 307),
        ("Microsoft Graph", 308),
        ("KZero's sign-in", 307),
        ("the admin API", 302),
        ("the metadata host", 301),
    ):
        elsewhere = attacks.answer(b"", status, location="{elsewhere}/elsewhere")
        yield _case(f"redirects to another host with {status}", place, elsewhere)
    page = attacks.answer(b"<html><script>alert(1)</script>", content_type="text/html")
    for place in ("the metadata host", "Microsoft Graph", "KZero's sign-in", "the admin API"):
        yield _case("answers with a web page", place, page)
    yield _case("answers 204 with nothing", "the admin API", attacks.answer(b"", 204))
    linked = attacks.answer(b'{"value": [], "@odata.nextLink": "{elsewhere}/v1.0/next"}')
    yield _case("links the next page on another host", "Microsoft Graph", linked, (DRIFT, FLEET_DRIFT))
    for name, token in (("a line break", "a\r\nX-Injected: b"), ("a list", ["a"]), ("1 MB", "a" * 1_000_000)):
        issued = json.dumps({"access_token": token, "expires_in": 3600, "token_type": "Bearer"}).encode()
        for place in ("Entra's sign-in", "KZero's sign-in"):
            yield _case(f"issues {name} as a token", place, attacks.answer(issued))
    named = ("authentication.loginEndpoint", "microsoftGraphResourceId")
    for field, (login, graph) in zip(named, (("{elsewhere}", "{origin}"), ("{origin}", "{elsewhere}")), strict=True):
        document = {"authentication": {"loginEndpoint": login}, "microsoftGraphResourceId": graph}
        attack = attacks.answer(json.dumps(document).encode())
        yield _case(
            f"names another host as {field}", "the metadata host", attack, (PREVIEW, CHECK, FLEET_DRIFT, FLEET_PREVIEW)
        )
    yield _well_known()


def _well_known() -> Case:
    """Return a case in which OpenID documents name another host's token endpoint, for both sides."""
    document = dict.fromkeys(("token_endpoint", "authorization_endpoint", "issuer", "jwks_uri"), "{elsewhere}/token")
    return Case(
        key="openid-configuration-names-another-host",
        what="the OpenID configurations of Entra and KZero name another host's token endpoint",
        commands=(CHECK, DRIFT, FLEET_DRIFT, FLEET_PREVIEW),
        rules=(
            Rule(path=r"/\.well-known/openid-configuration$", attack=attacks.answer(json.dumps(document).encode())),
        ),
        outcome=("failed", "unchanged"),
        codes={**dict.fromkeys(("drift", "fleet drift", "fleet preview"), (0, 1, 255)), "check": (0, 2)},
        is_met=False,
    )
