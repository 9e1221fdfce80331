"""Laws of merging rows into a synchronization schema, and the errors for wrong rows."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kzero_sandbox.entra.default_schema import default_schema

from kzero_scim.entra.schema.document import (
    Document,
    all_targets,
    custom_attributes,
    dump,
    extract,
    is_enabled,
    key_of,
    load,
    missing_expressions,
    removable_targets,
    rule_id,
    unowned_targets,
)
from kzero_scim.entra.schema.merge import (
    Original,
    Wanted,
    differences,
    fingerprint,
    merge,
    moved,
    record,
    require_attributes,
    require_offered_attributes,
    restore,
)
from kzero_scim.errors import ProviderError
from kzero_scim.mapping.attribute_mapping import MANAGER, TAG, WORK_EMAIL, guide_custom_attributes, guide_rows, same
from kzero_scim.settings.items import CustomAttribute, Row

GUIDE = Wanted(rows=guide_rows(), custom_attributes=guide_custom_attributes())


def schema() -> Document:
    """Return the schema of a new job, with fields that this version does not know."""
    document = default_schema("scim.1.2")
    document["futureField"] = {"kept": True}
    for mapping in user_rows(document):
        mapping["futureFlag"] = "kept"
    return document


def user_rows(document: Document) -> list[Document]:
    """Return the attribute mappings for users."""
    mappings = document["synchronizationRules"][0]["objectMappings"]
    found = next(mapping for mapping in mappings if mapping["sourceObjectName"] == "User")
    return cast("list[Document]", found["attributeMappings"])


def row_for(document: Document, target: str) -> Document:
    """Return one attribute mapping for users."""
    return next(mapping for mapping in user_rows(document) if mapping["targetAttributeName"] == target)


FREE_TARGETS = [
    name
    for name in all_targets(schema())
    if name not in {"userName", "active", "name.formatted"} and not name.startswith("urn:")
] + [TAG, "nickName", "locale"]
SOURCES = ["mail", "city", "jobTitle", "extensionAttribute3", "displayName"]


@st.composite
def tenants(draw: st.DrawFn) -> Wanted:
    """Draw any set of rows that passes the checks."""
    row = st.builds(
        lambda given, default, flow, behavior: Row(
            **given, default_value=default, flow_type=flow, flow_behavior=behavior
        ),
        st.one_of(
            st.sampled_from(SOURCES).map(lambda name: {"source": name}),
            st.sampled_from(["x", "y z", ""]).map(lambda text: {"constant": text}),
            st.just({"expression": 'Switch( [IsSoftDeleted], , "False", "True", "True", "False" )'}),
            st.just({"expression": 'Join(" ",[givenName],[surname])'}),
        ),
        st.sampled_from([None, "none"]),
        st.sampled_from(["Always", "ObjectAddOnly"]),
        st.sampled_from(["FlowWhenChanged", "FlowAlways"]),
    )
    rows: dict[str, Row] = draw(st.dictionaries(st.sampled_from(FREE_TARGETS), row, max_size=6))
    rows["userName"] = Row(source=draw(st.sampled_from(["userPrincipalName", "mail"])), matching_priority=1)
    attribute = CustomAttribute(
        name=TAG, type=draw(st.sampled_from(["String", "Integer"])), case_exact=draw(st.booleans())
    )
    return Wanted(
        rows=rows,
        custom_attributes=[attribute],
        provision_groups=draw(st.sampled_from([None, True, False])),
        exclusive=draw(st.booleans()),
    )


def without_order(document: Document) -> str:
    """Return a document as text that does not depend on the order of its lists."""

    def sort(node: Any) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(node, dict):
            return {key: sort(value) for key, value in sorted(node.items())}
        if isinstance(node, list):
            return sorted((sort(item) for item in node), key=json.dumps)
        return node

    return json.dumps(sort(document))


class TestLaws:
    """Laws that hold for any tenant's rows."""

    @settings(deadline=None)
    @given(tenants())
    def test_merging_twice_is_merging_once(self, wanted: Wanted) -> None:
        """Merging a second time changes nothing, so a second `up` writes nothing."""
        once = merge(schema(), wanted)

        assert merge(once, wanted) == once

    @settings(deadline=None)
    @given(tenants())
    def test_what_was_merged_is_read_back(self, wanted: Wanted) -> None:
        """Every row, definition and switch is read back as wanted."""
        merged = merge(schema(), wanted)
        rows = extract(merged, list(wanted.rows))

        assert differences(merged, wanted) == []
        assert set(rows) == set(wanted.rows)
        assert all(same(rows[target], row) for target, row in wanted.rows.items())

    @settings(deadline=None)
    @given(tenants())
    def test_restoring_gives_the_original_back(self, wanted: Wanted) -> None:
        """Restoring gives the original schema, with unknown fields, apart from the rows' order."""
        before = schema()
        after = restore(merge(before, wanted), record(before, wanted))

        if wanted.exclusive:
            assert without_order(after) == without_order(before)
        else:
            assert after == before

    @settings(deadline=None)
    @given(tenants(), st.randoms(use_true_random=False))
    def test_the_order_of_rows_does_not_matter(self, wanted: Wanted, random: Any) -> None:  # noqa: ANN401 - hypothesis' own random numbers
        """The order of the wanted rows affects only the order of new rows."""
        shuffled = list(wanted.rows.items())
        random.shuffle(shuffled)
        other = Wanted(
            rows=dict(shuffled),
            custom_attributes=wanted.custom_attributes,
            provision_groups=wanted.provision_groups,
            exclusive=wanted.exclusive,
        )

        assert without_order(merge(schema(), wanted)) == without_order(merge(schema(), other))
        assert fingerprint(wanted) == fingerprint(other)

    @settings(deadline=None)
    @given(tenants())
    def test_what_is_not_ours_is_kept(self, wanted: Wanted) -> None:
        """A merge keeps other rows, the source directory and unknown fields."""
        before = schema()
        merged = merge(before, wanted)
        gone = set(removable_targets(before, wanted.rows)) if wanted.exclusive else set()

        assert merged["futureField"] == before["futureField"]
        assert merged["directories"][0] == before["directories"][0]
        for mapping in user_rows(before):
            if mapping["targetAttributeName"] not in {*wanted.rows, *gone}:
                assert mapping in user_rows(merged)
        kept = [mapping for mapping in user_rows(merged) if mapping["targetAttributeName"] in all_targets(before)]
        assert all(mapping["futureFlag"] == "kept" for mapping in kept)

    @settings(deadline=None)
    @given(tenants())
    def test_the_document_handed_in_is_not_changed(self, wanted: Wanted) -> None:
        """Merging and restoring do not modify their arguments."""
        before = schema()
        untouched = copy.deepcopy(before)

        restore(merge(before, wanted), record(before, wanted))

        assert before == untouched


class TestGuidesRows:
    """The default rows in the schema of a new job."""

    def test_only_the_tag_is_new(self) -> None:
        """Six of the seven rows are in Entra's default schema already."""
        before = schema()
        merged = merge(before, GUIDE)

        assert [name for name in all_targets(merged) if name not in all_targets(before)] == [TAG]
        assert [mapping for mapping in user_rows(merged) if mapping not in user_rows(before)] == [row_for(merged, TAG)]

    def test_the_tag_has_the_documented_shape(self) -> None:
        """The tag's definition and row are those that Microsoft's own scripts write."""
        merged = merge(schema(), GUIDE)
        definitions = merged["directories"][1]["objects"][0]["attributes"]

        assert row_for(merged, TAG) == {
            "targetAttributeName": TAG,
            "defaultValue": None,
            "exportMissingReferences": False,
            "flowBehavior": "FlowWhenChanged",
            "flowType": "Always",
            "matchingPriority": 0,
            "source": {
                "expression": "[extensionAttribute1]",
                "name": "extensionAttribute1",
                "type": "Attribute",
                "parameters": [],
            },
        }
        assert next(item for item in definitions if item["name"] == TAG) == {
            "anchor": False,
            "apiExpressions": [],
            "caseExact": False,
            "defaultValue": None,
            "flowNullValues": False,
            "metadata": [],
            "multivalued": False,
            "mutability": "ReadWrite",
            "name": TAG,
            "referencedObjects": [],
            "required": False,
            "type": "String",
        }

    def test_directory_names_and_ids_do_not_matter(self) -> None:
        """The merge works with renamed directories and other IDs."""
        text = json.dumps(schema()).replace("Azure Active Directory", "Microsoft Entra ID").replace("customappsso", "x")
        renamed = cast("Document", json.loads(text))
        renamed["synchronizationRules"][0]["id"] = "another"

        assert differences(merge(renamed, GUIDE), GUIDE) == []
        assert rule_id(renamed) == "another"

    def test_no_expression_must_be_parsed(self) -> None:
        """The Switch expression is reused from the schema, regardless of whitespace."""
        assert missing_expressions(schema(), guide_rows()) == []

    def test_a_removed_switch_must_be_parsed(self) -> None:
        """An expression that the schema lacks must be parsed by Entra; a merge without that fails."""
        document = schema()
        user_rows(document).remove(row_for(document, "active"))
        (expression,) = missing_expressions(document, guide_rows())
        parsed = {"expression": expression, "name": "Switch", "type": "Function", "parameters": [{"key": "any"}]}

        with pytest.raises(ProviderError, match="Entra has not parsed"):
            merge(document, GUIDE)
        assert row_for(merge(document, GUIDE, {expression: parsed}), "active")["source"] == parsed


class TestDrift:
    """Drift in every field of an owned row is found."""

    @pytest.mark.parametrize(
        ("change", "seen"),
        [
            ({"source": {"type": "Attribute", "name": "city", "expression": "[city]"}}, {"source": "city"}),
            ({"source": {"type": "Constant", "name": "x", "expression": '"x"'}}, {"source": None, "constant": "x"}),
            ({"source": None, "defaultValue": "x"}, {"source": None, "constant": "x"}),
            ({"defaultValue": "x"}, {"default_value": "x"}),
            ({"matchingPriority": 2}, {"matching_priority": 2}),
            ({"flowType": "ObjectAddOnly"}, {"flow_type": "ObjectAddOnly"}),
            ({"flowBehavior": "FlowAlways"}, {"flow_behavior": "FlowAlways"}),
        ],
    )
    def test_a_changed_field(self, change: dict[str, Any], seen: dict[str, Any]) -> None:
        """A changed field is read, named as a difference and repaired by a merge."""
        document = merge(schema(), GUIDE)
        row_for(document, WORK_EMAIL).update(change)

        read = extract(document, [WORK_EMAIL])[WORK_EMAIL]

        assert {name: getattr(read, name) for name in seen} == seen
        assert [item for item in differences(document, GUIDE) if WORK_EMAIL in item]
        assert differences(merge(document, GUIDE), GUIDE) == []

    def test_a_removed_row(self) -> None:
        """A removed row is named as missing."""
        document = merge(schema(), GUIDE)
        user_rows(document).remove(row_for(document, MANAGER))

        assert extract(document, [MANAGER]) == {}
        assert differences(document, GUIDE) == [f"rows[{MANAGER!r}] is missing"]

    def test_a_changed_definition(self) -> None:
        """A custom attribute with a changed type is named as different."""
        document = merge(schema(), GUIDE)
        definitions = document["directories"][1]["objects"][0]["attributes"]
        next(item for item in definitions if item["name"] == TAG)["type"] = "Integer"

        assert custom_attributes(document, [TAG])[0].type == "Integer"
        assert differences(document, GUIDE) == [f"customAttributes[{TAG!r}] is different"]

    def test_spelling_of_the_program_is_kept(self) -> None:
        """An expression that differs only in whitespace is not a difference."""
        spelled = {"active": Row(expression='Switch([IsSoftDeleted],,"False","True","True","False")')}

        assert extract(schema(), ["active"], spelled) == spelled


class TestExclusive:
    """An exclusive set removes other rows, except those that Entra needs."""

    def test_removes_what_is_not_listed(self) -> None:
        """A row is removed unless it matches users or fills a required attribute."""
        wanted = Wanted(rows=guide_rows(), custom_attributes=guide_custom_attributes(), exclusive=True)

        assert sorted(all_targets(merge(schema(), wanted))) == sorted(guide_rows())

    def test_keeps_a_matching_row(self) -> None:
        """A row that Entra matches existing users with stays."""
        document = schema()
        row_for(document, "externalId")["matchingPriority"] = 2

        assert "externalId" not in removable_targets(document, guide_rows())

    def test_removes_a_matching_row_in_the_way(self) -> None:
        """A matching row is removed if an owned row has its priority, which must be unique."""
        document = schema()
        row_for(document, "externalId")["matchingPriority"] = 1

        assert "externalId" in removable_targets(document, guide_rows())


class TestMatchingPriority:
    """Rows that the stack does not own make room for its matching priorities."""

    @staticmethod
    def _occupied(**priorities: int) -> Document:
        document = schema()
        for target, priority in {"userName": 0, **priorities}.items():
            row_for(document, target)["matchingPriority"] = priority
        return document

    @pytest.mark.parametrize(
        ("before", "moves"),
        [
            ({"externalId": 1}, {"externalId": (1, 2)}),
            ({"externalId": 1, "displayName": 2}, {"externalId": (1, 2), "displayName": (2, 3)}),
            ({"externalId": 1, "displayName": 5}, {"externalId": (1, 2)}),
            ({"externalId": 2, "displayName": 5}, {}),
            ({"externalId": 1, "userName": 2}, {"externalId": (1, 2)}),
        ],
    )
    def test_others_come_after_ours(self, before: dict[str, int], moves: dict[str, tuple[int, int]]) -> None:
        """Only rows in the way move, and they keep their order."""
        document = self._occupied(**before)

        merged = merge(document, GUIDE)

        assert moved(document, GUIDE) == moves
        assert row_for(merged, "userName")["matchingPriority"] == 1
        for target, (_, after) in moves.items():
            assert row_for(merged, target)["matchingPriority"] == after
        assert differences(merged, GUIDE) == []
        assert merge(merged, GUIDE) == merged

    @pytest.mark.parametrize("exclusive", [True, False])
    def test_they_are_put_back(self, *, exclusive: bool) -> None:
        """Restoring gives every row its original priority."""
        document, wanted = self._occupied(externalId=1, displayName=2), replace(GUIDE, exclusive=exclusive)

        restored = restore(merge(document, wanted), record(document, wanted))

        assert {key_of(row): row for row in user_rows(restored)} == {key_of(row): row for row in user_rows(document)}

    def test_a_row_that_entra_requires_makes_room_in_an_exclusive_set(self) -> None:
        """An exclusive set does not remove the anchor's row, which moves instead."""
        document = self._occupied(externalId=1)
        definitions = document["directories"]
        for directory in definitions:
            for kind in directory["objects"]:
                for attribute in kind["attributes"]:
                    attribute["anchor"] = attribute["name"] == "externalId"

        merged = merge(document, replace(GUIDE, exclusive=True))

        assert row_for(merged, "externalId")["matchingPriority"] == 2

    def test_a_document_that_kept_a_conflict_differs(self) -> None:
        """If Entra keeps two rows with one priority, the difference names the other row."""
        merged = merge(schema(), GUIDE)
        row_for(merged, "externalId")["matchingPriority"] = 1

        assert differences(merged, GUIDE) == ["rows['externalId'] has matching priority 1"]


class TestRestore:
    """Restoring the original document."""

    def test_a_custom_attribute_in_use_stays(self) -> None:
        """A custom attribute stays while another row fills it."""
        original = Original(rows={}, attributes={TAG: None})

        assert custom_attributes(restore(merge(schema(), GUIDE), original), [TAG]) != []

    def test_switches_are_put_back(self) -> None:
        """Only the switches that the stack owns are restored."""
        before = schema()
        wanted = Wanted(rows=guide_rows(), custom_attributes=guide_custom_attributes(), provision_groups=False)
        merged = merge(before, wanted)

        assert is_enabled(merged, "Group") is False
        assert is_enabled(restore(merged, record(before, wanted)), "Group") is True
        assert record(before, GUIDE).groups_enabled is None

    def test_the_first_note_is_kept(self) -> None:
        """A later record keeps the first one, because later content is the stack's own."""
        first = record(schema(), GUIDE)
        later = record(merge(schema(), GUIDE), GUIDE, first)

        assert later == first
        assert later.rows[TAG] is None

    def test_a_part_survives_the_state(self) -> None:
        """A part of the document survives the conversion to JSON and back."""
        part = row_for(schema(), "active")

        assert load(dump(part)) == part
        assert load(dump(None)) is None


class TestRefused:
    """Errors that only the schema can reveal."""

    def refusal(self, wanted: Wanted, document: Document | None = None) -> str:
        """Return the error message."""
        with pytest.raises(ProviderError) as caught:
            require_attributes(document or schema(), wanted)
        return str(caught.value)

    def test_a_source_attribute_that_entra_does_not_have(self) -> None:
        """The error names all unknown source attributes, with similar names."""
        rows = guide_rows() | {
            "name.familyName": Row(source="surName"),
            "title": Row(expression='Join("-", [jobTitel], [city])'),
            "nickName": Row(source="favouriteColour"),
        }

        said = self.refusal(Wanted(rows=rows, custom_attributes=guide_custom_attributes()))

        assert "no attribute 'surName' (similar: surname)" in said
        assert "no attribute 'jobTitel' (similar: jobTitle)" in said
        assert "no attribute 'favouriteColour'" in said
        assert "nothing was changed" in said

    def test_the_same_before_there_is_a_job(self) -> None:
        """Without a job, the rows are checked against Entra's own list of attributes."""
        rows = guide_rows() | {"name.familyName": Row(source="surName"), "nickName": Row(source="favouriteColour")}

        with pytest.raises(ProviderError, match=r"'surName' \(similar: surname\).*'favouriteColour'"):
            require_offered_attributes(rows)

    def test_entras_list_knows_directory_extensions(self) -> None:
        """Directory extensions, named after their application, are accepted."""
        require_offered_attributes({"title": Row(source="extension_0123456789abcdef0123456789abcdef_costCentre")})
        require_offered_attributes(guide_rows())

    def test_a_target_attribute_that_is_not_defined(self) -> None:
        """The error for an unknown target attribute shows a similar name."""
        assert "(similar: nickName)" in self.refusal(Wanted(rows={"nickname2": Row(source="city")}))

    def test_groups_without_a_mapping_for_groups(self) -> None:
        """The setting provisionGroups is refused if the schema cannot provision groups."""
        document = schema()
        mappings = document["synchronizationRules"][0]["objectMappings"]
        document["synchronizationRules"][0]["objectMappings"] = [
            mapping for mapping in mappings if mapping["sourceObjectName"] == "User"
        ]

        assert "provisionGroups" in self.refusal(Wanted(rows=guide_rows(), provision_groups=True), document)

    def test_a_schema_of_another_kind(self) -> None:
        """The schema of another template, without SCIM users, is refused."""
        with pytest.raises(ProviderError, match="template 'scim'"):
            rule_id({"synchronizationRules": []})


def test_unowned_rows_are_named_sorted() -> None:
    """Rows that the stack does not own are listed in alphabetical order."""
    named = unowned_targets(schema(), [name.upper() for name in guide_rows()])

    assert named == sorted(named)
    assert "displayName" in named
    assert not set(named) & set(guide_rows())


def test_the_fingerprint_shows_every_difference() -> None:
    """The fingerprint differs for every difference that affects provisioning."""
    variants = [
        GUIDE,
        Wanted(rows=guide_rows() | {"title": Row(source="jobTitle")}, custom_attributes=guide_custom_attributes()),
        Wanted(
            rows=guide_rows() | {TAG: Row(source="extensionAttribute2")}, custom_attributes=guide_custom_attributes()
        ),
        Wanted(rows=guide_rows(), custom_attributes=[CustomAttribute(name=TAG, case_exact=True)]),
        Wanted(rows=guide_rows(), custom_attributes=guide_custom_attributes(), provision_groups=False),
        Wanted(rows=guide_rows(), custom_attributes=guide_custom_attributes(), exclusive=True),
    ]

    assert len({fingerprint(variant) for variant in variants}) == len(variants)
    respelled = guide_rows() | {"active": Row(expression='Switch([IsSoftDeleted],,"False","True","True","False")')}
    assert fingerprint(Wanted(rows=respelled, custom_attributes=guide_custom_attributes())) == fingerprint(GUIDE)
