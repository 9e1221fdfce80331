"""The local KZero's SCIM endpoint answers arbitrary requests with a success or a SCIM error, never with a failure."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import httpx
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.kzero_endpoint import PATCH_OP, KZeroEndpoint

ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
SETTINGS = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
TEXT = st.text(max_size=12) | st.sampled_from(
    ["userName", "active", "members", "a.b", 'emails[type eq "work"].value', ""]
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
NAMES = st.sampled_from(
    ["userName", "displayName", "active", "name", "emails", "members", "externalId", "schemas", "id", "meta", "manager"]
)
RESOURCES = st.dictionaries(NAMES | TEXT, JSON, max_size=5)
OPERATIONS = st.fixed_dictionaries(
    {}, optional={"op": JSON | st.sampled_from(["add", "Replace", "remove"]), "path": JSON | NAMES, "value": JSON}
)
PARTS = [
    "userName",
    "active",
    "emails",
    "[",
    "]",
    "(",
    ")",
    "eq",
    "co",
    "pr",
    "not",
    "and",
    "or",
    '"x"',
    "true",
    "1",
    ".",
]
FILTERS = st.text(max_size=30) | st.lists(st.sampled_from(PARTS), max_size=9).map(" ".join)

LINES = TEXT.filter(lambda text: "\n" not in text)
"""The endpoint's paths contain no line break; Keycloak answers a path with one."""


def sound(answer: httpx.Response) -> bool:
    """Return whether an answer is a success, or a SCIM error that blames the request."""
    if answer.status_code < 300:
        return True
    if not 400 <= answer.status_code < 500:
        return False
    document: Any = answer.json()
    return bool(document["schemas"] == [ERROR] and document["status"] == str(answer.status_code))


@SETTINGS
@given(st.sampled_from(["/Users", "/Groups"]), RESOURCES | JSON)
@example("/Users", {"userName": 7})
@example("/Users", {"userName": "a" * 5000})
@example("/Users", {"userName": "a\0b"})
@example("/Users", {"userName": "\ud800"})
@example("/Groups", {"displayName": "a" * 5000})
@example("/Groups", {"displayName": ["a"], "members": [{"value": {}}]})
def test_any_resource_is_made_or_refused(kzero_endpoint: KZeroEndpoint, path: str, body: Any) -> None:  # noqa: ANN401 - any JSON value
    answer = kzero_endpoint.scim.post(path, content=json.dumps(body))

    assert sound(answer), (answer.status_code, answer.text)
    if answer.status_code == 201:
        kzero_endpoint.scim.delete(f"{path}/{answer.json()['id']}")


@SETTINGS
@given(st.sampled_from(["/Users", "/Groups"]), st.lists(OPERATIONS, max_size=3) | JSON, RESOURCES)
def test_any_change_is_made_or_refused(
    kzero_endpoint: KZeroEndpoint,
    path: str,
    operations: Any,  # noqa: ANN401 - any JSON value
    replacement: dict[str, Any],
) -> None:
    made = kzero_endpoint.scim.post(path, json={"userName": "fuzz", "displayName": "fuzz"}).json()["id"]
    try:
        patch = json.dumps({"schemas": [PATCH_OP], "Operations": operations})
        for answer in (
            kzero_endpoint.scim.patch(f"{path}/{made}", content=patch),
            kzero_endpoint.scim.put(f"{path}/{made}", content=json.dumps(replacement)),
            kzero_endpoint.scim.get(f"{path}/{made}"),
        ):
            assert sound(answer), (answer.request.method, answer.status_code, answer.text)
    finally:
        kzero_endpoint.scim.delete(f"{path}/{made}")


@SETTINGS
@given(FILTERS, TEXT, TEXT)
@example('userName eq "' + "a" * 5000 + '"', "1", "1")
@example("(" * 2000, "1", "1")
@example("not " * 2000 + "(active pr)", "1", "1")
@example('userName eq "%_\\\'"', "-5", "1" * 5000)
def test_any_filter_finds_or_is_refused(kzero_endpoint: KZeroEndpoint, text: str, start: str, count: str) -> None:
    for path in ("/Users", "/Groups"):
        answer = kzero_endpoint.scim.get(path, params={"filter": text, "startIndex": start, "count": count})
        assert sound(answer), (path, answer.status_code, answer.text)


@SETTINGS
@given(st.sampled_from(["GET", "PUT", "PATCH", "DELETE"]), st.sampled_from(["Users", "Groups", "Schemas", ""]), LINES)
@example("GET", "Users", "../../clients")
@example("DELETE", "Groups", "a/b")
@example("GET", "Users", "..")
def test_any_path_is_answered(kzero_endpoint: KZeroEndpoint, method: str, kind: str, id_: str) -> None:
    path = f"/{kind}/{quote(id_, safe='')}"

    answer = kzero_endpoint.scim.request(method, path, content="{}")

    assert sound(answer), (answer.status_code, answer.text)


def test_a_body_that_is_not_json_is_refused(kzero_endpoint: KZeroEndpoint) -> None:
    """A body that is not JSON, or that is nested too deeply, is refused."""
    for body in (b"", b"\xff", b"{", b"[" * 100_000, b'{"a":' * 100_000, b"NaN", b'{"userName": NaN}'):
        answer = kzero_endpoint.scim.post("/Users", content=body)
        assert answer.status_code == 400, (body[:20], answer.text)
