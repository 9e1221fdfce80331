"""Properties of the local Entra's two languages: OData filters and mapping expressions survive a round trip."""

import string
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from kzero_sandbox.entra import expressions, odata

Json = dict[str, Any]

_NAMES = st.text(string.ascii_letters, min_size=1, max_size=12).filter(
    lambda name: name.lower() not in {"and", "or", "not", "eq", "in", "startswith", "endswith", "contains"}
)
_VALUES = st.one_of(st.text(), st.booleans(), st.none(), st.integers(-(10**6), 10**6))
_FILTERS = st.recursive(
    st.one_of(
        st.builds(odata.Comparison, _NAMES, st.sampled_from(["eq", "ne", "gt", "ge", "lt", "le"]), _VALUES),
        st.builds(odata.Membership, _NAMES, st.lists(_VALUES, min_size=1, max_size=4).map(tuple)),
        st.builds(odata.Call, st.sampled_from(["startswith", "endswith", "contains"]), _NAMES, st.text()),
    ),
    lambda inner: st.one_of(
        st.builds(odata.Junction, st.sampled_from(["and", "or"]), inner, inner), st.builds(odata.Negation, inner)
    ),
    max_leaves=6,
)


@given(_FILTERS)
def test_a_filter_reads_back_as_it_was_written(tree: odata.Filter) -> None:
    """`parse_filter` is the inverse of `format_filter`."""
    assert odata.parse_filter(odata.format_filter(tree)) == tree


@given(st.text())
def test_a_quoted_value_finds_exactly_its_object(value: str) -> None:
    """A quoted value is one value, whatever characters it contains."""
    tree = odata.parse_filter(f"displayName eq {odata.quote(value)}")

    assert odata.matches(tree, {"displayName": value})
    assert not odata.matches(tree, {"displayName": value + "x"})


_ATTRIBUTES = st.builds(
    expressions.attribute, st.text(string.ascii_letters + string.digits + ".", min_size=1, max_size=12)
)
_CONSTANTS = st.builds(expressions.constant, st.text())


def _calls(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    pairs = st.lists(inner, min_size=1, max_size=3).map(lambda items: [part for item in items for part in (item, item)])
    return st.one_of(
        inner.map(lambda source: expressions.call("Not", source)),
        st.tuples(inner, inner).map(lambda pair: expressions.call("Append", *pair)),
        st.tuples(inner, st.lists(inner, min_size=1, max_size=3)).map(
            lambda pair: expressions.call("Join", pair[0], *pair[1])
        ),
        st.tuples(inner, st.none() | inner, pairs).map(
            lambda triple: expressions.call("Switch", triple[0], triple[1], *triple[2])
        ),
    )


_EXPRESSIONS = st.recursive(st.one_of(_ATTRIBUTES, _CONSTANTS), _calls, max_leaves=8)


@given(_EXPRESSIONS)
def test_an_expression_reads_back_as_it_was_written(tree: Json) -> None:
    """`parse` is the inverse of `format_source`, and a tree's own `expression` is the same text."""
    assert expressions.parse(expressions.format_source(tree)) == tree
    assert tree["expression"] == expressions.format_source(tree)


@given(_EXPRESSIONS)
def test_every_expression_has_a_value(tree: Json) -> None:
    """Evaluating a valid expression does not fail, even if no attribute has a value."""
    assert isinstance(expressions.evaluate(tree, {}), str | None)


@given(st.booleans())
def test_the_default_row_of_active_inverts_is_soft_deleted(deleted: bool) -> None:  # noqa: FBT001 - the value drawn
    """`Switch([IsSoftDeleted], , "False", "True", "True", "False")` inverts IsSoftDeleted."""
    tree = expressions.parse('Switch([IsSoftDeleted], , "False", "True", "True", "False")')

    assert expressions.evaluate(tree, {"IsSoftDeleted": str(deleted)}) == str(not deleted)
