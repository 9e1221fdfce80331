"""Tests of turning existing objects into settings."""

from __future__ import annotations

from dataclasses import asdict, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.errors import AdoptionError
from kzero_scim.keycloak.protocol_mapper import escaped, guide_mappers
from kzero_scim.mapping.attribute_mapping import TAG, WORK_EMAIL, guide_custom_attributes, guide_rows
from kzero_scim.settings.items import Mapper, Row
from kzero_scim.tenant.adopt.described import missing_mappers, own_mappers, own_rows, settings_from

GIVEN = {
    "entra_tenant_id": "00000000-0000-4000-8000-0000000000aa",
    "kzero_tenant": "Fabrikam",
    "users": ["alex@fabrikam.example"],
}
ATTRIBUTES = {item.name: item for item in guide_custom_attributes()}
EXTRA = Mapper(user_attribute="department", claim="department")


@given(kept=st.sets(st.sampled_from(sorted(guide_mappers()))), extra=st.booleans())
def test_missing_mappers_are_left_to_the_guide(kept: set[str], *, extra: bool) -> None:
    """If mappers are missing, the settings omit mappers, so that an update adds the missing ones."""
    found = {name: mapper for name, mapper in guide_mappers().items() if name in kept}
    found |= {"department": EXTRA} if extra else {}

    own = own_mappers(found)

    assert own.is_guide
    assert set(missing_mappers(found, own)) == set(guide_mappers()) - kept
    settings = settings_from(GIVEN, own, None)
    assert (settings.mappers, settings.mappers_exclusive, settings.mappers_escape_dots) == ({}, False, False)


def test_a_changed_mapper_is_written_down_with_the_whole_set() -> None:
    """If a mapper differs, the settings list all seven mappers and no others."""
    changed = replace(guide_mappers()["tag"], user_attribute="costCentre", userinfo=False, multivalued=True)

    settings = settings_from(GIVEN, own_mappers({**guide_mappers(), "tag": changed, "department": EXTRA}), None)

    assert list(settings.mappers) == list(guide_mappers())
    assert asdict(settings.mappers["tag"]) == {
        "user_attribute": "costCentre",
        "claim": TAG,
        "claim_json_type": "String",
        "id_token": True,
        "access_token": True,
        "userinfo": False,
        "introspection": True,
        "multivalued": True,
        "aggregate_values": False,
    }


def test_a_mapper_under_another_name_does_the_same_work() -> None:
    """A mapper with another name and the same claim replaces the guide's."""
    found = guide_mappers()
    found["username"] = found.pop("loginName")

    own = own_mappers(found)

    assert "loginName" not in own.mappers
    assert own.mappers["username"] == guide_mappers()["loginName"]
    assert missing_mappers(found, own) == []


def test_escaped_dots_become_the_setting() -> None:
    """If dots are escaped, the setting says so and the mappers are the guide's."""
    found = {name: replace(mapper, claim=escaped(mapper.claim)) for name, mapper in guide_mappers().items()}

    settings = settings_from(GIVEN, own_mappers(found), None)

    assert (settings.mappers, settings.mappers_escape_dots) == ({}, True)


@given(kept=st.sets(st.sampled_from(sorted(guide_rows()))))
def test_missing_rows_are_left_to_the_guide(kept: set[str]) -> None:
    """If rows are missing, the settings omit rows, whatever else is mapped."""
    found = {target: row for target, row in guide_rows().items() if target in kept}
    found |= {"title": Row(source="jobTitle"), "externalId": Row(source="mailNickname", matching_priority=2)}

    settings = settings_from(GIVEN, own_mappers({}), own_rows(found, ATTRIBUTES))

    assert (settings.attribute_mappings, settings.custom_attributes) == ([], [])


def test_a_changed_row_is_written_down_with_the_whole_set() -> None:
    """If a row differs, the settings list all rows as they are, including when they flow."""
    changed = Row(expression="ToLower([mail])", default_value="none@x.example", flow_type="ObjectAddOnly")

    found = {target: row for target, row in guide_rows().items() if target != WORK_EMAIL}
    found |= {WORK_EMAIL.upper(): changed, "title": Row(source="jobTitle")}

    rows = own_rows(found, ATTRIBUTES)
    settings = settings_from(GIVEN, own_mappers({}), rows)

    assert [row.target for row in settings.attribute_mappings] == list(guide_rows())
    [row] = [row for row in settings.attribute_mappings if row.target == WORK_EMAIL]
    assert (row.expression, row.default_value, row.flow_type) == ("ToLower([mail])", "none@x.example", "ObjectAddOnly")


def test_the_row_that_matches_users_comes_along() -> None:
    """If userName does not match users, the settings include the row that does."""
    found = {**guide_rows(), "userName": Row(source="mail"), "externalId": Row(source="objectId", matching_priority=1)}

    settings = settings_from(GIVEN, own_mappers({}), own_rows(found, ATTRIBUTES))

    assert {row.target: row.matching_priority for row in settings.attribute_mappings}["externalId"] == 1


def test_what_no_setting_can_say_is_refused() -> None:
    """Two mappers with one claim are refused, and the error names both."""
    found = {**guide_mappers(), "firstName": replace(guide_mappers()["firstName"], claim="userName")}

    with pytest.raises(AdoptionError, match=r"mappers\.firstName: claim 'userName' is"):
        settings_from(GIVEN, own_mappers(found), None)
