"""Unusual and hostile settings are accepted or refused with a clear error, and no secret leaks."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from kzero_scim.errors import SettingsError
from kzero_scim.settings.tenant_settings import FIELDS, NAMESPACE, TenantSettings

TENANT_ID = "5a4d0b0c-0000-4000-8000-00000000e401"
BASE = {"kzeroTenant": "Contoso", "users": ["alex@contoso.example"]}
SECRETS = ("kzeroClientSecret", "kzeroPassword", "secretToken")
ODD = 'O\'Brien & Söhne (50%) #1 + a/b?c=d "x" \\ 🎉 \u200fشركة {0} %s ${HOME} $(id) <b>'


def encode(values: dict[str, Any]) -> dict[str, str]:
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    return {"azuread:tenantId": TENANT_ID, **{f"{NAMESPACE}:{key}": text for key, text in texts.items()}}


def parse(secret_keys: frozenset[str] = frozenset(), **changes: Any) -> TenantSettings:  # noqa: ANN401 - any setting
    return TenantSettings.parse(encode({**BASE, **changes}), secret_keys)


def lines_of(**changes: Any) -> list[str]:  # noqa: ANN401 - any setting
    with pytest.raises(SettingsError) as caught:
        parse(**changes)
    return [line.strip() for line in str(caught.value).split("\n")[1:]]


def test_names_with_special_characters_stay_unchanged() -> None:
    """Names keep quotes, OData and URL syntax, percent signs, emoji, marks, and template and shell syntax."""
    found = parse(
        applicationName=ODD,
        groups=[ODD],
        users=["o'brien_fabrikam.example#EXT#@contoso.example"],
        appRole=ODD,
        mappers={ODD: {"userAttribute": ODD, "claim": ODD}},
        notificationEmail='o\'brien+"x"%40@contoso.example',
        attributeMappings=[
            {"target": "userName", "source": "userPrincipalName", "matchingPriority": 1},
            {"target": "title", "constant": ODD},
            {"target": "nickName", "expression": 'Join(" ",\n\t[givenName],\r\n"%s")'},
        ],
    )

    assert found.application_name == found.groups[0] == found.app_role == next(iter(found.mappers)) == ODD
    assert found.mappers[ODD].claim == found.attribute_mappings[1].constant == ODD


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"groups": ["a\nerror: b"]},
            (
                "groups[0]: 'a\\nerror: b' contains a line break (U+000A), which is not allowed; "
                "remove it, or give the object ID instead"
            ),
        ),
        ({"users": ["a\x1b[2J@b"]}, "users[0]: 'a\\x1b[2J@b' contains a control character (U+001B)"),
        (
            {"applicationName": "a\u202eb"},
            "applicationName: 'a\\u202eb' contains a character that reverses the reading",
        ),
        ({"applicationName": "x" * 300}, "applicationName: 'xxx"),
        ({"applicationName": "x" * 20_000}, "applicationName: 'xxx"),
        ({"groups": ["x" * 257]}, "groups[0]: 'xxx"),
        ({"groups": [""]}, "groups[0]: '' is not valid"),
        (
            {"mappers": {"a\u2028b": {"userAttribute": "x", "claim": "y"}}},
            "mappers: the name 'a\\u2028b' contains a line",
        ),
        ({"mappers": {"x" * 256: {"userAttribute": "x", "claim": "y"}}}, "mappers: the name 'xxx"),
        (
            {"mappers": {"a\\": {"userAttribute": "x", "claim": "y"}}},
            "mappers: the name 'a\\\\' ends with a backslash, which Pulumi cannot write in a property path",
        ),
        (
            {"mappers": {" a": {"userAttribute": "x", "claim": "y"}}},
            "mappers: the name ' a' is not valid; give a mapper 1 to 255 characters",
        ),
        (
            {"mappers": {"a": {"userAttribute": "x\0", "claim": "y"}}},
            "mappers.a.userAttribute: 'x\\x00' contains a contr",
        ),
        ({"groups": ["\ud83d"]}, "groups[0]: '\\ud83d' contains an unpaired surrogate (U+D83D)"),
        ({"notificationEmail": "a@b.c\nBcc: x@y.z"}, "notificationEmail: 'a@b.c\\nBcc: x@y.z' contains a line break"),
        ({"kzeroTenant": ".."}, "kzeroTenant: '..' is not valid"),
        ({"kzeroTenant": "a\\b"}, "kzeroTenant: 'a\\\\b' is not valid"),
        ({"kzeroServerUrl": "https://a\\@b"}, "kzeroServerUrl: "),
        ({"kzeroServerUrl": "https://a:99999"}, "kzeroServerUrl: 'https://a:99999' is not valid; use a port"),
        (
            {"tenantUrl": "https://evil.example/realms/Contoso/scim/v2"},
            (
                "tenantUrl: 'https://evil.example/realms/Contoso/scim/v2' is on another server than kzeroServerUrl "
                "('https://ca.auth.kzero.com'), and Entra would send its token and all users there; correct it, or set "
                "allowForeignTenantUrl to true"
            ),
        ),
        ({"tenantUrl": "https://ca.auth.kzero.com:8443/realms/C/scim/v2"}, "tenantUrl: "),
        ({"tenantUrl": "http://ca.auth.kzero.com/realms/C/scim/v2"}, "tenantUrl: "),
        ({"tenantUrl": "https://u:p@ca.auth.kzero.com/realms/C/scim/v2"}, "tenantUrl: "),
        ({"tenantUrl": "https://ca.auth.kzero.com/realms/C/scim/v2#x"}, "tenantUrl: "),
        ({"tenantUrl": "https://ca.auth.kzero.com/realms/C/scim/v2?x=y"}, "tenantUrl: "),
        ({"tenantUrl": "https://ca.auth.kzero.com/elsewhere"}, "tenantUrl: "),
        ({"activationTimeout": 10**400}, "activationTimeout: 1000"),
        ({"deletionThreshold": 2**31}, "deletionThreshold: 2147483648 is not valid"),
        ({"users": json.loads("[" * 200 + "1" + "]" * 200)}, "users[0]: "),
    ],
)
def test_an_error_is_one_line_with_key_value_and_remedy(changes: dict[str, Any], line: str) -> None:
    """An error is one line that escapes invisible characters and shortens long values."""
    lines = lines_of(**changes)

    assert len(lines) == 1, lines
    assert lines[0].startswith(line)
    assert lines[0].isprintable()
    assert len(lines[0]) < 400


def test_a_tenant_url_on_the_same_server_is_accepted() -> None:
    """A Tenant URL may have another realm, the default port, or another case of the same host."""
    for url in ("https://ca.auth.kzero.com/realms/C/scim/v2", "https://CA.auth.kzero.com:443/realms/C/scim/v2"):
        assert parse(tenantUrl=url).tenant_url == url


def test_a_foreign_tenant_url_is_accepted_if_it_is_allowed() -> None:
    """With allowForeignTenantUrl, a Tenant URL on another server is accepted and gets the PATCH flag too."""
    url = "https://scim.example/realms/Contoso/scim/v2"

    found = parse(tenantUrl=url, allowForeignTenantUrl=True, scimCompliantPatch=True)

    assert found.tenant_url == f"{url}?aadOptscim062020"


TEXT = st.text(max_size=30) | st.sampled_from(["", "a\nb", "\ud800", "..", "true", "7", "[]"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
KEYS = st.sampled_from([key for key in FIELDS if ":" not in key])
NESTED_KEYS = ("userAttribute", "claim", "claimJsonType", "target", "source", "expression", "constant", "name")
NESTED = st.fixed_dictionaries({}, optional=dict.fromkeys(NESTED_KEYS, JSON))


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(KEYS | TEXT, JSON | st.lists(NESTED, max_size=2) | st.dictionaries(TEXT, NESTED, max_size=2)))
@example({"users": "[" * 100_000})
@example({"mappers": '{"a":' * 100_000})
@example({"deletionThreshold": "1" * 5000})
@example({"activationTimeout": 10**400})
@example({"users": {"a": {}}})
def test_any_json_is_accepted_or_refused_with_a_line_for_each_problem(values: dict[str, Any]) -> None:
    """Any JSON is accepted or refused with one printable line per problem, and never raises another exception."""
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in values.items()}
    told = ""
    try:
        TenantSettings.parse(encode({**BASE, **texts}))
    except SettingsError as error:
        told = str(error)
    first, *lines = told.split("\n")
    assert not told or first.startswith("the stack's settings have ")
    for line in lines:
        assert line.startswith("  ")
        assert ": " in line
        assert not [c for c in line if unicodedata.category(c) in {"Cc", "Cs", "Zl", "Zp"}]
        assert len(line) < 2000


@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(SECRETS),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=60),
    st.dictionaries(KEYS, JSON, max_size=3),
    st.booleans(),
)
def test_a_secret_is_never_repeated(key: str, rest: str, values: dict[str, Any], is_encrypted: bool) -> None:  # noqa: FBT001 - hypothesis passes it
    """No error repeats a secret, whether it is encrypted or not, and whatever the problem is."""
    secret = f"hunter2-{rest}"
    secret_keys = frozenset({f"{NAMESPACE}:{key}"}) if is_encrypted else frozenset()
    told = ""
    try:
        TenantSettings.parse(encode({**BASE, **values, key: secret}), secret_keys)
    except SettingsError as error:
        told = str(error)
    assert "hunter2" not in told


def test_an_encrypted_value_is_never_shown() -> None:
    """No error shows an encrypted value, even of a setting that is usually not secret."""
    with pytest.raises(SettingsError) as caught:
        parse(
            frozenset({f"{NAMESPACE}:users", f"{NAMESPACE}:profile"}),
            users=["alex@contoso.example", "alex@contoso.example"],
            profile="a secret profile",
        )

    assert "alex" not in str(caught.value)
    assert "secret profile" not in str(caught.value)
