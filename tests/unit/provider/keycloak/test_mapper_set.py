"""Tests planning, comparing and refusing of mapper sets without a Keycloak."""

import dataclasses
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.keycloak.protocol_mapper import (
    PROTOCOL,
    USER_ATTRIBUTE,
    MapperPlan,
    Representation,
    escaped,
    guide_mappers,
    plan_mappers,
    row_of,
    unmanaged,
)
from kzero_scim.provider.keycloak.mapper_set.model import MapperSetInputs, MapperSetState
from kzero_scim.provider.keycloak.mapper_set.resource import MapperSet
from kzero_scim.resource.model import UNKNOWN, Call, ChangeKind, Failure
from kzero_scim.settings.items import Mapper, unescaped


class SilentLog:
    """A log that drops all messages."""

    async def debug(self, message: str) -> None:
        """Drop the message."""

    async def info(self, message: str) -> None:
        """Drop the message."""

    async def status(self, message: str) -> None:
        """Drop the message."""

    async def warning(self, message: str) -> None:
        """Drop the message."""


CALL = Call(urn="urn:test", name="mappers", log=SilentLog())
OFFLINE = MapperSet(cast("Any", None))  # check and diff must need no service

NAMES = st.sampled_from(["status", "tag", "email", "audience", "groups"])
CLAIMS = st.sampled_from(
    ["active", "email", "name.givenName", "urn:x:Custom:2.0:User:tag", r"urn:x:Custom:2\.0:User:tag"]
)
ROWS = st.builds(
    Mapper,
    user_attribute=st.sampled_from(["isSoftDeleted", "email", "extensionAttribute1"]),
    claim=CLAIMS,
    claim_json_type=st.sampled_from(["String", "boolean", "long", "int", "JSON"]),
    id_token=st.booleans(),
    access_token=st.booleans(),
    userinfo=st.booleans(),
    introspection=st.booleans(),
    multivalued=st.booleans(),
    aggregate_values=st.booleans(),
)
CONFIGS = st.dictionaries(
    st.sampled_from(
        [
            "user.attribute",
            "claim.name",
            "jsonType.label",
            "id.token.claim",
            "userinfo.token.claim",
            "multivalued",
            "extra",
        ]
    ),
    st.sampled_from(["true", "false", "String", "Booleanish", "email", "urn:x:Custom:2.0:User:tag"]),
)
TYPES = st.sampled_from([USER_ATTRIBUTE, USER_ATTRIBUTE, "oidc-audience-mapper"])


@st.composite
def clients(draw: st.DrawFn) -> list[Representation]:
    """Draw the mappers of a client: owned ones, other types and unusual ones."""
    names = draw(st.sets(NAMES))
    return [
        {
            "id": f"id-{name}",
            "name": name,
            "protocol": PROTOCOL,
            "protocolMapper": draw(TYPES),
            "consentRequired": False,
            "config": draw(CONFIGS),
        }
        for name in sorted(names)
    ]


def apply(actual: list[Representation], plan: MapperPlan) -> list[Representation]:
    """Change a list as Keycloak changes a client: PUT keeps the name, and POST adds an ID."""
    updates = {mapper["id"]: mapper for mapper in plan.update}
    gone = {mapper["id"] for mapper in plan.delete}
    kept = [{**updates.get(mapper["id"], mapper), "name": mapper["name"]} for mapper in actual]
    kept = [mapper for mapper in kept if mapper["id"] not in gone]
    assert not {mapper["name"] for mapper in plan.add} & {mapper["name"] for mapper in kept}, "Keycloak answers 409"
    return kept + [{**mapper, "id": f"new-{mapper['name']}"} for mapper in plan.add]


def rows(
    actual: list[Representation], wanted: dict[str, Mapper], *, escape_dots: bool = False
) -> dict[str, Mapper | None]:
    """Return the wanted mappers of a client."""
    return {m["name"]: row_of(m, escape_dots=escape_dots) for m in actual if m["name"] in wanted}


def state_of(inputs: MapperSetInputs, **changes: Any) -> MapperSetState:  # noqa: ANN401 - any field
    """Return the state of a set that is as wanted, with changes."""
    outputs = {"client_uuid": "c", "mapper_ids": {}, "unmanaged": [], "fingerprint": "f"}
    fields = {field.name: getattr(inputs, field.name) for field in dataclasses.fields(MapperSetInputs)}
    return MapperSetState(**{**fields, **outputs, **changes})


@given(clients(), st.dictionaries(NAMES, ROWS), st.sets(NAMES), st.booleans())
def test_applying_a_plan_gives_what_is_wanted_beside_what_is_unmanaged(
    actual: list[Representation],
    wanted: dict[str, Mapper],
    owned: set[str],
    escape_dots: bool,  # noqa: FBT001 - hypothesis passes it
) -> None:
    """A plan creates the wanted mappers and keeps all others unchanged."""
    plan = plan_mappers(actual, wanted, drop=owned, escape_dots=escape_dots)
    after = apply(actual, plan)
    shown = rows(after, wanted, escape_dots=escape_dots)
    expected = {
        name: dataclasses.replace(row, claim=unescaped(row.claim)) if escape_dots else row
        for name, row in wanted.items()
    }
    assert shown == expected
    others = [m for m in actual if m["name"] not in wanted and m["name"] not in owned]
    assert [m for m in after if m["name"] not in wanted and m["name"] not in owned] == others


@given(clients(), st.dictionaries(NAMES, ROWS), st.sets(NAMES), st.booleans(), st.booleans())
def test_a_plan_that_was_applied_leaves_nothing_to_do(
    actual: list[Representation],
    wanted: dict[str, Mapper],
    owned: set[str],
    exclusive: bool,  # noqa: FBT001 - hypothesis passes it
    escape_dots: bool,  # noqa: FBT001 - hypothesis passes it
) -> None:
    """A second plan is empty, exclusive or not."""
    plan = plan_mappers(actual, wanted, drop=owned, exclusive=exclusive, escape_dots=escape_dots)
    again = plan_mappers(apply(actual, plan), wanted, exclusive=exclusive, escape_dots=escape_dots)
    assert not again


@given(clients(), st.dictionaries(NAMES, ROWS))
def test_exclusive_leaves_the_wanted_mappers_alone(actual: list[Representation], wanted: dict[str, Mapper]) -> None:
    """After an exclusive plan, the client has only the wanted mappers."""
    after = apply(actual, plan_mappers(actual, wanted, exclusive=True))
    assert {mapper["name"] for mapper in after} == set(wanted)
    assert unmanaged(after, wanted) == []


@given(CLAIMS)
def test_escaping_is_idempotent_and_can_be_undone(claim: str) -> None:
    """Escapes are never doubled and can be removed."""
    assert escaped(escaped(claim)) == escaped(claim)
    assert unescaped(escaped(claim)) == unescaped(claim)


def test_only_the_dots_of_a_urn_are_escaped() -> None:
    """Dots that mean nesting stay, in name.givenName and after a URN's last colon."""
    assert escaped("name.givenName") == "name.givenName"
    assert escaped("urn:x:2.0:User:manager.value") == r"urn:x:2\.0:User:manager.value"


def test_an_update_keeps_options_that_others_set() -> None:
    """An update keeps unknown options of a mapper."""
    config = {"user.attribute": "a", "claim.name": "b", "jsonType.label": "String", "lightweight.claim": "true"}
    before = {"id": "1", "name": "tag", "protocol": PROTOCOL, "protocolMapper": USER_ATTRIBUTE, "config": config}
    plan = plan_mappers([before], {"tag": Mapper(user_attribute="a", claim="c")})
    assert plan.update[0]["config"]["lightweight.claim"] == "true"
    assert plan.update[0]["config"]["claim.name"] == "c"


def test_a_mapper_of_another_type_under_a_wanted_name_is_replaced_whole() -> None:
    """A mapper of another type loses its old options."""
    before = {
        "id": "1",
        "name": "tag",
        "protocol": PROTOCOL,
        "protocolMapper": "oidc-hardcoded-claim-mapper",
        "config": {"claim.value": "x"},
    }
    (update,) = plan_mappers([before], {"tag": Mapper(user_attribute="a", claim="c")}).update
    assert (update["id"], update["protocolMapper"]) == ("1", USER_ATTRIBUTE)
    assert "claim.value" not in update["config"]


def test_token_options_that_an_old_mapper_lacks_follow_keycloaks_own_rule() -> None:
    """A missing userinfo option follows the ID token, and introspection the access token."""
    config = {
        "user.attribute": "a",
        "claim.name": "b",
        "jsonType.label": "String",
        "id.token.claim": "true",
        "access.token.claim": "false",
    }
    row = row_of({"name": "x", "protocol": PROTOCOL, "protocolMapper": USER_ATTRIBUTE, "config": config})
    assert row is not None
    assert (row.userinfo, row.introspection) == (True, False)


def test_the_default_is_the_guides_seven_with_all_token_options() -> None:
    """The defaults have the guide's names, attributes, claims and types."""
    mappers = guide_mappers()
    assert {name: (m.user_attribute, m.claim, m.claim_json_type) for name, m in mappers.items()} == {
        "status": ("isSoftDeleted", "active", "boolean"),
        "loginName": ("userPrincipalName", "userName", "String"),
        "firstName": ("givenName", "name.givenName", "String"),
        "manager": ("manager", "manager", "String"),
        "lastName": ("surName", "name.familyName", "String"),
        "tag": (
            "extensionAttribute1",
            "urn:ietf:params:scim:schemas:extension:CustomExtensionName:2.0:User:tag",
            "String",
        ),
        "email": ("email", "email", "String"),
    }
    assert all(m.id_token and m.access_token and m.userinfo and m.introspection for m in mappers.values())
    assert not any(m.multivalued or m.aggregate_values for m in mappers.values())


async def test_the_diff_names_the_property() -> None:
    """A changed JSON type is one changed property, and a missing mapper one addition."""
    wanted = MapperSetInputs(realm="Contoso")
    drifted = dict(wanted.mappers)
    drifted["status"] = dataclasses.replace(drifted["status"], claim_json_type="String")
    del drifted["tag"]
    changes = await OFFLINE.diff(CALL, "Contoso/scim-endpoint", state_of(wanted, mappers=drifted), wanted)
    assert [(c.path, c.kind) for c in changes] == [
        ("mappers.status.claimJsonType", ChangeKind.UPDATE),
        ("mappers.tag", ChangeKind.ADD),
    ]


async def test_the_diff_of_what_is_as_wanted_is_empty() -> None:
    """Unmanaged mappers and escaped claims are not differences."""
    wanted = MapperSetInputs(realm="Contoso", escape_dots=True)
    literal = dataclasses.replace(wanted.mappers["tag"], claim=escaped(wanted.mappers["tag"].claim))
    program = dataclasses.replace(wanted, mappers={**wanted.mappers, "tag": literal})
    assert await OFFLINE.diff(CALL, "x", state_of(wanted, unmanaged=["audience"]), program) == []


async def test_exclusive_shows_each_mapper_that_goes() -> None:
    """An exclusive set shows each unmanaged mapper as a deletion."""
    wanted = MapperSetInputs(realm="Contoso", exclusive=True)
    changes = await OFFLINE.diff(CALL, "x", state_of(wanted, unmanaged=["a", "b"]), wanted)
    assert [(c.path, c.kind) for c in changes] == [
        ("unmanaged[0]", ChangeKind.DELETE),
        ("unmanaged[1]", ChangeKind.DELETE),
    ]


@pytest.mark.parametrize(
    ("field", "value", "path"), [("realm", "Fabrikam", "realm"), ("client_id", "other", "clientId")]
)
async def test_another_realm_or_client_replaces_the_set(field: str, value: str, path: str) -> None:
    """Another realm or client replaces the set."""
    wanted = MapperSetInputs(realm="Contoso")
    changed: dict[str, Any] = {field: value}
    changes = await OFFLINE.diff(CALL, "x", state_of(wanted), dataclasses.replace(wanted, **changed))
    assert [(c.path, c.replace) for c in changes] == [(path, True)]


async def test_unknown_values_show_as_changes() -> None:
    """Unknown values in a preview are changes."""
    wanted = MapperSetInputs(realm="Contoso")
    unknown = dataclasses.replace(wanted, mappers=UNKNOWN)
    assert [c.path for c in await OFFLINE.diff(CALL, "x", state_of(wanted), unknown)] == ["mappers"]
    half = {**wanted.mappers, "tag": dataclasses.replace(wanted.mappers["tag"], claim=UNKNOWN)}
    partly = dataclasses.replace(wanted, mappers=half, escape_dots=True)
    paths = [c.path for c in await OFFLINE.diff(CALL, "x", state_of(wanted), partly)]
    assert paths == ["mappers.tag.claim", "escapeDots"]


async def check(**inputs: Any) -> list[Failure]:  # noqa: ANN401 - any input
    """Check inputs and return the failures."""
    _, failures = await OFFLINE.check(CALL, MapperSetInputs(**{"realm": "Contoso", **inputs}), None)
    return failures


async def test_the_guides_seven_pass_the_check() -> None:
    """The guide's mappers and unknown values pass the check."""
    assert await check() == []
    assert await check(realm=UNKNOWN, mappers=UNKNOWN) == []
    assert await check(mappers={"x": UNKNOWN, "y": Mapper(user_attribute=UNKNOWN, claim=UNKNOWN)}) == []


async def test_two_mappers_of_one_claim_are_refused() -> None:
    """Two mappers with the same claim are refused, escaped or not."""
    tag = "urn:x:2.0:User:tag"
    two = {"a": Mapper(user_attribute="a", claim=tag), "b": Mapper(user_attribute="b", claim=escaped(tag))}
    (failure,) = await check(mappers=two)
    assert failure.path == "mappers.b.claim"
    assert 'mapper "a" already writes the claim' in failure.reason


async def test_empty_names_claims_and_attributes_are_all_reported() -> None:
    """All empty values are reported with their paths."""
    failures = await check(realm="  ", mappers={" x": Mapper(user_attribute="", claim=" ")})
    assert [failure.path for failure in failures] == [
        "realm",
        'mappers[" x"]',
        'mappers[" x"].userAttribute',
        'mappers[" x"].claim',
    ]
