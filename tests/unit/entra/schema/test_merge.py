"""Laws of merging rows into a synchronization schema, and what it refuses to merge."""

from __future__ import annotations

import copy
import json
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
    """Give the schema of a new job, with fields that this version does not know."""
    document = default_schema("scim.1.2")
    document["futureField"] = {"kept": True}
    for mapping in user_rows(document):
        mapping["futureFlag"] = "kept"
    return document


def user_rows(document: Document) -> list[Document]:
    """Give the attribute mappings for users."""
    mappings = document["synchronizationRules"][0]["objectMappings"]
    found = next(mapping for mapping in mappings if mapping["sourceObjectName"] == "User")
    return cast("list[Document]", found["attributeMappings"])


def row_for(document: Document, target: str) -> Document:
    """Give one of them."""
    return next(mapping for mapping in user_rows(document) if mapping["targetAttributeName"] == target)


FREE_TARGETS = [
    name
    for name in all_targets(schema())
    if name not in {"userName", "active", "name.formatted"} and not name.startswith("urn:")
] + [TAG, "nickName", "locale"]
SOURCES = ["mail", "city", "jobTitle", "extensionAttribute3", "displayName"]


@st.composite
def tenants(draw: st.DrawFn) -> Wanted:
    """Any set of rows that passes the checks."""
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
    """Spell a document so that the order of its lists does not matter."""

    def sort(node: Any) -> Any:  # noqa: ANN401 - any JSON
        if isinstance(node, dict):
            return {key: sort(value) for key, value in sorted(node.items())}
        if isinstance(node, list):
            return sorted((sort(item) for item in node), key=json.dumps)
        return node

    return json.dumps(sort(document))


class TestLaws:
    """What holds for any tenant's rows."""

    @settings(deadline=None)
    @given(tenants())
    def test_merging_twice_is_merging_once(self, wanted: Wanted) -> None:
        """A second `up` has nothing to write."""
        once = merge(schema(), wanted)

        assert merge(once, wanted) == once

    @settings(deadline=None)
    @given(tenants())
    def test_what_was_merged_is_read_back(self, wanted: Wanted) -> None:
        """Every row, definition and switch says what was wanted."""
        merged = merge(schema(), wanted)
        rows = extract(merged, list(wanted.rows))

        assert differences(merged, wanted) == []
        assert set(rows) == set(wanted.rows)
        assert all(same(rows[target], row) for target, row in wanted.rows.items())

    @settings(deadline=None)
    @given(tenants())
    def test_restoring_gives_the_original_back(self, wanted: Wanted) -> None:
        """Delete leaves the schema as it was, fields unknown to us included; removed rows may stand elsewhere."""
        before = schema()
        after = restore(merge(before, wanted), record(before, wanted))

        if wanted.exclusive:
            assert without_order(after) == without_order(before)
        else:
            assert after == before

    @settings(deadline=None)
    @given(tenants(), st.randoms(use_true_random=False))
    def test_the_order_of_rows_does_not_matter(self, wanted: Wanted, random: Any) -> None:  # noqa: ANN401 - hypothesis' own random numbers
        """The result is the same, except for where new rows stand."""
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
        """Rows of others, the source directory and unknown fields stay as they are."""
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
        """Merging and restoring work on copies."""
        before = schema()
        untouched = copy.deepcopy(before)

        restore(merge(before, wanted), record(before, wanted))

        assert before == untouched


class TestGuidesRows:
    """The default rows in the schema of a new job."""

    def test_only_the_tag_is_new(self) -> None:
        """Six of the seven rows are Entra's default already."""
        before = schema()
        merged = merge(before, GUIDE)

        assert [name for name in all_targets(merged) if name not in all_targets(before)] == [TAG]
        assert [mapping for mapping in user_rows(merged) if mapping not in user_rows(before)] == [row_for(merged, TAG)]

    def test_the_tag_has_the_documented_shape(self) -> None:
        """Definition and row as Microsoft's own scripts write them."""
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
        """Microsoft renamed the directory once; ids differ between tenants."""
        text = json.dumps(schema()).replace("Azure Active Directory", "Microsoft Entra ID").replace("customappsso", "x")
        renamed = cast("Document", json.loads(text))
        renamed["synchronizationRules"][0]["id"] = "another"

        assert differences(merge(renamed, GUIDE), GUIDE) == []
        assert rule_id(renamed) == "another"

    def test_no_expression_must_be_parsed(self) -> None:
        """The Switch is taken from the schema, whatever its whitespace."""
        assert missing_expressions(schema(), guide_rows()) == []

    def test_a_removed_switch_must_be_parsed(self) -> None:
        """Entra's parser is asked for what the schema no longer holds; it is never written by hand."""
        document = schema()
        user_rows(document).remove(row_for(document, "active"))
        (expression,) = missing_expressions(document, guide_rows())
        parsed = {"expression": expression, "name": "Switch", "type": "Function", "parameters": [{"key": "any"}]}

        with pytest.raises(ProviderError, match="has not parsed"):
            merge(document, GUIDE)
        assert row_for(merge(document, GUIDE, {expression: parsed}), "active")["source"] == parsed


class TestDrift:
    """Every field of an owned row is seen."""

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
        """The row is read as it is, is named as different, and a merge repairs it."""
        document = merge(schema(), GUIDE)
        row_for(document, WORK_EMAIL).update(change)

        read = extract(document, [WORK_EMAIL])[WORK_EMAIL]

        assert {name: getattr(read, name) for name in seen} == seen
        assert [item for item in differences(document, GUIDE) if WORK_EMAIL in item]
        assert differences(merge(document, GUIDE), GUIDE) == []

    def test_a_removed_row(self) -> None:
        """It is missing, not empty."""
        document = merge(schema(), GUIDE)
        user_rows(document).remove(row_for(document, MANAGER))

        assert extract(document, [MANAGER]) == {}
        assert differences(document, GUIDE) == [f"rows[{MANAGER!r}] is missing"]

    def test_a_changed_definition(self) -> None:
        """A custom attribute whose type somebody changed."""
        document = merge(schema(), GUIDE)
        definitions = document["directories"][1]["objects"][0]["attributes"]
        next(item for item in definitions if item["name"] == TAG)["type"] = "Integer"

        assert custom_attributes(document, [TAG])[0].type == "Integer"
        assert differences(document, GUIDE) == [f"customAttributes[{TAG!r}] is another"]

    def test_spelling_of_the_program_is_kept(self) -> None:
        """An expression with other whitespace is not shown as changed."""
        spelled = {"active": Row(expression='Switch([IsSoftDeleted],,"False","True","True","False")')}

        assert extract(schema(), ["active"], spelled) == spelled


class TestExclusive:
    """Rows of others are removed, except those that Entra needs."""

    def test_removes_what_is_not_listed(self) -> None:
        """The row finds users or fills a required attribute, or it goes."""
        wanted = Wanted(rows=guide_rows(), custom_attributes=guide_custom_attributes(), exclusive=True)

        assert sorted(all_targets(merge(schema(), wanted))) == sorted(guide_rows())

    def test_keeps_a_matching_row(self) -> None:
        """Without it Entra would not find existing users any more."""
        document = schema()
        row_for(document, "externalId")["matchingPriority"] = 2

        assert "externalId" not in removable_targets(document, guide_rows())

    def test_removes_a_matching_row_in_the_way(self) -> None:
        """Two rows of one matching priority are not possible."""
        document = schema()
        row_for(document, "externalId")["matchingPriority"] = 1

        assert "externalId" in removable_targets(document, guide_rows())


class TestRestore:
    """Giving back."""

    def test_a_custom_attribute_in_use_stays(self) -> None:
        """Somebody else's row would otherwise fill an attribute that is not there."""
        original = Original(rows={}, attributes={TAG: None})

        assert custom_attributes(restore(merge(schema(), GUIDE), original), [TAG]) != []

    def test_switches_are_put_back(self) -> None:
        """Only those that were ours."""
        before = schema()
        wanted = Wanted(rows=guide_rows(), custom_attributes=guide_custom_attributes(), provision_groups=False)
        merged = merge(before, wanted)

        assert is_enabled(merged, "Group") is False
        assert is_enabled(restore(merged, record(before, wanted)), "Group") is True
        assert record(before, GUIDE).groups_enabled is None

    def test_the_first_note_is_kept(self) -> None:
        """What a later update finds is ours, not the original."""
        first = record(schema(), GUIDE)
        later = record(merge(schema(), GUIDE), GUIDE, first)

        assert later == first
        assert later.rows[TAG] is None

    def test_a_part_survives_the_state(self) -> None:
        """JSON text and back."""
        part = row_for(schema(), "active")

        assert load(dump(part)) == part
        assert load(dump(None)) is None


class TestRefused:
    """Bad input that only the schema can tell."""

    def refusal(self, wanted: Wanted, document: Document | None = None) -> str:
        """Give the error."""
        with pytest.raises(ProviderError) as caught:
            require_attributes(document or schema(), wanted)
        return str(caught.value)

    def test_a_source_attribute_that_entra_does_not_have(self) -> None:
        """All of them at once, with what may have been meant."""
        rows = guide_rows() | {
            "name.familyName": Row(source="surName"),
            "title": Row(expression='Join("-", [jobTitel], [city])'),
            "nickName": Row(source="favouriteColour"),
        }

        said = self.refusal(Wanted(rows=rows, custom_attributes=guide_custom_attributes()))

        assert "no attribute 'surName' (near: surname)" in said
        assert "no attribute 'jobTitel' (near: jobTitle)" in said
        assert "no attribute 'favouriteColour'" in said
        assert "nothing was changed" in said

    def test_the_same_before_there_is_a_job(self) -> None:
        """Entra's own list serves while there is no schema to read."""
        rows = guide_rows() | {"name.familyName": Row(source="surName"), "nickName": Row(source="favouriteColour")}

        with pytest.raises(ProviderError, match=r"'surName' \(near: surname\).*'favouriteColour'"):
            require_offered_attributes(rows)

    def test_entras_list_knows_directory_extensions(self) -> None:
        """They are named by the application that made them."""
        require_offered_attributes({"title": Row(source="extension_0123456789abcdef0123456789abcdef_costCentre")})
        require_offered_attributes(guide_rows())

    def test_a_target_attribute_that_is_not_defined(self) -> None:
        """A typing error on the other side."""
        assert "(near: nickName)" in self.refusal(Wanted(rows={"nickname2": Row(source="city")}))

    def test_a_matching_priority_in_use(self) -> None:
        """A row of others has it."""
        document = schema()
        row_for(document, "externalId")["matchingPriority"] = 1

        assert "taken by the row of 'externalId'" in self.refusal(GUIDE, document)

    def test_groups_without_a_mapping_for_groups(self) -> None:
        """Nothing to switch."""
        document = schema()
        mappings = document["synchronizationRules"][0]["objectMappings"]
        document["synchronizationRules"][0]["objectMappings"] = [
            mapping for mapping in mappings if mapping["sourceObjectName"] == "User"
        ]

        assert "provisionGroups" in self.refusal(Wanted(rows=guide_rows(), provision_groups=True), document)

    def test_a_schema_of_another_kind(self) -> None:
        """An inbound job has no SCIM user."""
        with pytest.raises(ProviderError, match="template 'scim'"):
            rule_id({"synchronizationRules": []})


def test_unowned_rows_are_named_sorted() -> None:
    """Reported, not touched."""
    named = unowned_targets(schema(), [name.upper() for name in guide_rows()])

    assert named == sorted(named)
    assert "displayName" in named
    assert not set(named) & set(guide_rows())


def test_the_fingerprint_tells_every_difference() -> None:
    """It is the trigger of tests and restarts."""
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
