"""Names in filters and paths of Microsoft Graph arrive unchanged; the sandbox's own parser checks this."""

from __future__ import annotations

from urllib.parse import parse_qsl, unquote, urlsplit

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from kzero_sandbox.entra.odata import Comparison, Junction, Membership, matches, parse_filter

from kzero_scim.clients.graph.client import odata_quote, segment
from kzero_scim.errors import GraphError
from kzero_scim.provider.directory.principals import FILTER_SIZE, _filters

NAMES = st.text(min_size=1, max_size=40) | st.text("'&#%+/?=$(),; \\\"<>@:\u200f🎉", min_size=1, max_size=20)
GRAPH = "https://graph.microsoft.com"


@given(NAMES)
@example("O'Brien & Söhne (50%) 🎉")
@example("') or (displayName ne '")
@example("o''brien_x.example#EXT#@contoso.example")
def test_a_name_is_one_literal_of_a_filter(name: str) -> None:
    """No name ends the literal, adds a condition or is read as a keyword."""
    quoted = odata_quote(name)

    assert parse_filter(f"displayName eq {quoted}") == Comparison("displayName", "eq", name)
    assert parse_filter(f"displayName in ({quoted}, 'x')") == Membership("displayName", (name, "x"))
    tree = parse_filter(f"mail eq {quoted} or mail eq {quoted}")
    assert tree == Junction("or", Comparison("mail", "eq", name), Comparison("mail", "eq", name))
    assert matches(tree, {"mail": name})


@given(st.lists(NAMES, min_size=1, max_size=40, unique=True), st.sampled_from(["users", "groups"]))
def test_all_searched_names_arrive_in_the_filters(names: list[str], collection: str) -> None:
    """All names survive percent-encoding and are split into filters of the size that Graph accepts."""
    asked: list[str] = []
    for request in _filters(collection, "displayName", names):
        parts = urlsplit(request.path)
        assert parts.path == f"/{collection}"
        assert not parts.fragment
        tree = parse_filter(dict(parse_qsl(parts.query, keep_blank_values=True))["$filter"])
        assert isinstance(tree, Membership)
        assert len(tree.values) <= FILTER_SIZE
        asked += [str(value) for value in tree.values]

    assert sorted(asked) == sorted(names)


@given(NAMES.filter(lambda name: name not in {".", ".."}))
@example("o'brien_x.example#EXT#@contoso.example")
@example("../applications")
def test_a_name_is_one_segment_of_a_path(name: str) -> None:
    """The client's URL type sends a name as one path segment, without query, fragment or parent folder."""
    url = httpx.URL(f"{GRAPH}/v1.0/groups/{segment(name)}/members?$top=1")

    path = url.raw_path.decode().split("?")[0].split("/")
    assert path == ["", "v1.0", "groups", segment(name), "members"]
    assert unquote(path[3]) == name
    assert url.query == b"$top=1"
    assert url.host == "graph.microsoft.com"


@pytest.mark.parametrize("name", ["", ".", ".."])
def test_a_name_that_would_leave_the_path_is_refused(name: str) -> None:
    """Names that a client treats as folders, encoded or not, are refused."""
    with pytest.raises(GraphError, match="is not a valid ID"):
        segment(name)
