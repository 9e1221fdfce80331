"""What the guide asks for, and what is refused before any service is asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.keycloak.protocol_mapper import guide_mappers
from kzero_scim.mapping.attribute_mapping import (
    ACTIVE_EXPRESSION,
    MANAGER,
    TAG,
    WORK_EMAIL,
    canonical,
    claim_targets,
    expectations,
    guide_custom_attributes,
    guide_rows,
    normalise_expression,
    referenced_attributes,
    row_failures,
    same,
)
from kzero_scim.resource.model import UNKNOWN
from kzero_scim.settings.items import CustomAttribute, Mapper, Row


def failures(rows: dict[str, Row], attributes: list[CustomAttribute] | None = None) -> dict[str, str]:
    """Return the reasons by path."""
    found = row_failures(rows, guide_custom_attributes() if attributes is None else attributes)
    return {failure.path: failure.reason for failure in found}


class TestGuide:
    """The guide's seven rows and mappers."""

    def test_rows_are_well_formed(self) -> None:
        """The guide's rows pass the checks for a tenant's own rows."""
        assert failures(guide_rows()) == {}

    def test_seven_on_each_side_and_each_has_its_other_side(self) -> None:
        """Each of the guide's mappers belongs to exactly one row."""
        joined = expectations(guide_rows(), guide_mappers())

        assert [(item.target, item.mapper) for item in joined] == [
            ("active", "status"),
            ("userName", "loginName"),
            ("name.givenName", "firstName"),
            ("name.familyName", "lastName"),
            (MANAGER, "manager"),
            (TAG, "tag"),
            (WORK_EMAIL, "email"),
        ]

    def test_the_guides_sur_name_is_entras_surname(self) -> None:
        """The guide's surName is Entra's attribute surname."""
        assert guide_rows()["name.familyName"].source == "surname"
        assert guide_mappers()["lastName"].user_attribute == "surName"

    def test_each_call_gives_rows_of_its_own(self) -> None:
        """A program that changes its rows does not change the default."""
        guide_rows().clear()

        assert len(guide_rows()) == 7


class TestExpectations:
    """Rows and the mappers that take them."""

    def test_a_row_without_mapper_is_left_out(self) -> None:
        """A row without a mapper is not expected in KZero."""
        mappers = {name: claim for name, claim in guide_mappers().items() if name != "tag"}

        assert TAG not in [item.target for item in expectations(guide_rows(), mappers)]

    def test_escaped_dots_mean_the_same_claim(self) -> None:
        r"""A claim with escaped dots, which Keycloak needs, matches the same row."""
        mapper = Mapper(user_attribute="extensionAttribute1", claim=TAG.replace("2.0", "2\\.0"))

        assert [item.target for item in expectations(guide_rows(), {"tag": mapper})] == [TAG]

    def test_a_claim_takes_scims_own_name_too(self) -> None:
        """The guide's short names stand for SCIM's long names."""
        assert claim_targets("email") == ["email", WORK_EMAIL.casefold()]
        assert claim_targets("userName") == ["username"]


class TestExpression:
    """Expressions are compared without their whitespace."""

    def test_whitespace_outside_texts_does_not_count(self) -> None:
        """Whitespace outside string literals is removed."""
        assert normalise_expression('Join( " - " ,[a],  [b] )') == 'Join(" - ",[a],[b])'

    def test_an_escaped_quote_does_not_end_a_text(self) -> None:
        """Whitespace after an escaped quote is part of the string literal."""
        assert normalise_expression(r'Append([a], "x \" y")') == r'Append([a],"x \" y")'

    @given(st.text(max_size=40))
    def test_normalising_twice_changes_nothing(self, text: str) -> None:
        """Normalizing a second time changes nothing."""
        once = normalise_expression(text)

        assert normalise_expression(once) == once

    def test_a_single_attribute_is_a_source(self) -> None:
        """The expression `[mail]` means the source attribute `mail`."""
        assert canonical(Row(expression=" [mail] ")) == Row(source="mail")
        assert canonical(Row(expression='"x"')) == Row(constant="x")

    def test_an_empty_default_is_none(self) -> None:
        """An empty default value means none, because Graph answers null for it."""
        assert same(Row(source="mail", default_value=""), Row(source="mail"))

    def test_attributes_are_found_outside_texts(self) -> None:
        """A bracket inside a string literal is not an attribute."""
        row = Row(expression='Join("[no]", [givenName], [surname], [givenName])')

        assert referenced_attributes(row) == ["givenName", "surname"]

    def test_the_default_for_active_reads_one_attribute(self) -> None:
        """The default expression for active, with its empty parameter, reads one attribute."""
        assert referenced_attributes(Row(expression=ACTIVE_EXPRESSION)) == ["IsSoftDeleted"]


class TestRefused:
    """Wrong rows, each with its own reason."""

    def test_two_rows_for_one_target(self) -> None:
        """Two targets that differ only in case are an error."""
        found = failures(guide_rows() | {"USERNAME": Row(source="mail")})

        assert "two rows fill the same target" in found["rows.USERNAME"]

    @pytest.mark.parametrize(
        ("row", "said"),
        [
            (Row(), "found none"),
            (Row(source="mail", constant="x"), "found source and constant"),
            (Row(source="mail", expression="[mail]"), "found source and expression"),
        ],
    )
    def test_not_exactly_one_source(self, row: Row, said: str) -> None:
        """A row needs exactly one of source, expression and constant."""
        assert said in failures(guide_rows() | {"title": row})["rows.title"]

    def test_no_matching_row(self) -> None:
        """Without a matching row Entra cannot find existing users, so one is required."""
        assert "userName's matchingPriority to 1" in failures({"userName": Row(source="userPrincipalName")})["rows"]

    def test_the_same_matching_priority_twice(self) -> None:
        """The error is at the second row and names the first."""
        found = failures(guide_rows() | {"externalId": Row(source="objectId", matching_priority=1)})

        assert "'userName'" in found["rows.externalId.matchingPriority"]

    def test_a_negative_priority(self) -> None:
        """A negative priority is an error."""
        found = failures(guide_rows() | {"title": Row(source="jobTitle", matching_priority=-1)})

        assert "negative" in found["rows.title.matchingPriority"]

    def test_matching_by_a_constant(self) -> None:
        """A constant cannot match users, because it is the same for all."""
        found = failures(guide_rows() | {"title": Row(constant="x", matching_priority=2)})

        assert "cannot match" in found["rows.title.matchingPriority"]

    @pytest.mark.parametrize(
        "name",
        [
            "tag",
            "urn:ietf:params:scim:schemas:extension:Custom:User:tag",
            "urn:ietf:params:scim:schemas:extension:Custom:2.0:User",
            "urn:ietf:params:scim:schemas:extension:Custom:2.0:User:",
            "urn:ietf:params:scim:schemas:extension:Custom:2.0:User:a b",
            "urn:example:Custom:2.0:User:tag",
        ],
    )
    def test_a_malformed_custom_attribute(self, name: str) -> None:
        """The error for a malformed name shows the form that Entra accepts."""
        found = failures(guide_rows(), [*guide_custom_attributes(), CustomAttribute(name=name)])

        assert ":2.0:User:<attribute>" in found["customAttributes[1].name"]

    def test_a_custom_attribute_defined_twice(self) -> None:
        """The error names the second definition."""
        found = failures(guide_rows(), [*guide_custom_attributes(), *guide_custom_attributes()])

        assert "twice" in found["customAttributes[1].name"]

    def test_defining_what_scim_defines(self) -> None:
        """An attribute of the standard enterprise extension cannot be defined again."""
        found = failures(guide_rows(), [*guide_custom_attributes(), CustomAttribute(name=MANAGER)])

        assert "enterprise" in found["customAttributes[1].name"]

    def test_a_row_for_a_custom_attribute_that_is_not_defined(self) -> None:
        """The error for an undefined custom attribute names customAttributes."""
        assert "customAttributes" in failures(guide_rows(), [])[f'rows["{TAG}"]']

    def test_a_row_with_a_malformed_custom_target(self) -> None:
        """The error for a malformed URN shows the right form."""
        target = TAG.replace("2.0:User", "User")

        assert "<attribute>" in failures(guide_rows() | {target: Row(source="city")})[f'rows["{target}"]']

    def test_an_expression_given_as_source(self) -> None:
        """An expression given as source is an error."""
        assert "expression" in failures(guide_rows() | {"title": Row(source="[jobTitle]")})["rows.title.source"]

    def test_all_failures_at_once(self) -> None:
        """All errors are reported at once."""
        rows = {"userName": Row(), "title": Row(source=""), TAG: Row(source="city")}

        assert set(failures(rows, [])) == {"rows.userName", "rows.title.source", f'rows["{TAG}"]', "rows"}


def test_unknown_values_pass() -> None:
    """Values that are unknown in the preview are not refused."""
    rows = guide_rows() | {"title": Row(source=UNKNOWN), "nickName": UNKNOWN}

    assert failures(rows) == {}
    assert row_failures(guide_rows(), UNKNOWN) == []
