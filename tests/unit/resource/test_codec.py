"""Tests decoding of inputs that a person wrote, and of state that another version wrote."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.resource.codec import decode, decode_lenient, secret_keys
from kzero_scim.resource.model import UNKNOWN, Failure, as_plain, prop


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row."""

    source: str = prop("Where from.")
    matching_priority: int = prop("How it matches.", default=0)
    flow_type: Literal["Always", "ObjectAddOnly"] | None = prop("When it flows.", default=None)
    token: str | None = prop("Signs in.", default=None, secret=True)


@dataclass(frozen=True, kw_only=True)
class Mappings:
    """Inputs of many types."""

    job_id: str = prop("The job.")
    rows: dict[str, Row] = prop("By target.", default_factory=dict)
    users: list[str] = prop("Names.", default_factory=list)
    threshold: int | None = prop("A count.", default=None)
    share: float = prop("Between 0 and 1.", default=0.5)
    exclusive: bool = prop("Whether.", default=False)
    secret_token: str | None = prop("A secret.", default=None, secret=True)


def failures(values: dict[str, Any]) -> list[Failure]:
    """Decode wrong values and return the failures."""
    instance, found = decode(Mappings, values)
    assert instance is None
    return found


def test_defaults_fill_what_is_not_given() -> None:
    """Defaults apply at all depths, and integral floats become integers."""
    values = {"jobId": "scim.1", "rows": {"name.givenName": {"source": "givenName", "matchingPriority": 2.0}}}

    decoded, found = decode(Mappings, values)

    assert found == []
    assert decoded == Mappings(job_id="scim.1", rows={"name.givenName": Row(source="givenName", matching_priority=2)})


def test_unknown_may_stand_anywhere() -> None:
    """An unknown value is accepted for any type, at any depth."""
    values = {"jobId": UNKNOWN, "rows": {"a": {"source": UNKNOWN}, "b": UNKNOWN}, "users": ["x", UNKNOWN]}

    decoded, found = decode(Mappings, values)

    assert found == []
    assert decoded == Mappings(job_id=UNKNOWN, rows={"a": Row(source=UNKNOWN), "b": UNKNOWN}, users=["x", UNKNOWN])


def test_null_is_the_same_as_not_given() -> None:
    """None becomes the default, and counts as missing without one."""
    decoded, _ = decode(Mappings, {"jobId": "j", "exclusive": None, "threshold": None})

    assert decoded == Mappings(job_id="j")
    assert [failure.path for failure in failures({"jobId": None})] == ["jobId"]


def test_keys_of_the_engine_itself_are_passed_over() -> None:
    """Keys with two leading underscores are ignored."""
    decoded, found = decode(Mappings, {"jobId": "j", "__defaults": [], "rows": {"__defaults": []}})

    assert found == []
    assert decoded == Mappings(job_id="j")


@pytest.mark.parametrize(
    ("values", "path", "reason"),
    [
        ({}, "jobId", "is required: The job."),
        ({"jobId": "j", "job_id": "j"}, "job_id", "is not a property; did you mean jobId?"),
        ({"jobId": "j", "exclusiv": True}, "exclusiv", "is not a property; did you mean exclusive?"),
        ({"jobId": "j", "users": "ann"}, "users", 'must be a list, not "ann"'),
        ({"jobId": "j", "users": ["ann", 3.0]}, "users[1]", "must be a string, not 3"),
        ({"jobId": "j", "rows": []}, "rows", "must be a map, not a list"),
        ({"jobId": "j", "rows": {"a": "b"}}, "rows.a", 'must be an object, not "b"'),
        ({"jobId": "j", "rows": {"n.g": {}}}, 'rows["n.g"].source', "is required: Where from."),
        ({"jobId": "j", "threshold": 1.5}, "threshold", "must be an integer, not 1.5"),
        ({"jobId": "j", "threshold": True}, "threshold", "must be an integer, not true"),
        ({"jobId": "j", "exclusive": "yes"}, "exclusive", 'must be a boolean, not "yes"'),
        ({"jobId": "j", "share": "half"}, "share", 'must be a number, not "half"'),
        (
            {"jobId": "j", "rows": {"a": {"source": "s", "flowType": "always"}}},
            "rows.a.flowType",
            'must be one of "Always", "ObjectAddOnly", not "always"; did you mean "Always"?',
        ),
        ({"jobId": "j", "secretToken": 12.0}, "secretToken", "must be a string, not this secret value"),
    ],
)
def test_failure_names_the_path_and_the_remedy(values: dict[str, Any], path: str, reason: str) -> None:
    """Each error has a path in the engine's notation and a remedy."""
    assert failures(values) == [Failure(path, reason)]


def test_all_failures_are_named_at_once() -> None:
    """All errors are reported at once."""
    found = failures({"rows": {"a": {"sorce": "x"}, "b": {"source": 1.0}}, "users": 7.0})

    assert [failure.path for failure in found] == ["jobId", "rows.a.sorce", "rows.a.source", "rows.b.source", "users"]


def test_state_of_another_version_is_read() -> None:
    """Missing values of a state get a default or None, and unknown or mistyped values are dropped."""
    state = {"rows": {"a": {"source": "x", "gone": 1.0}}, "users": "not a list", "former": True}

    decoded = decode_lenient(Mappings, state)

    assert decoded == Mappings(job_id=None, rows={"a": Row(source="x")})  # type: ignore[arg-type]  # what the types rule out


def test_secret_inside_makes_its_property_secret() -> None:
    """A nested secret makes its top-level property secret."""
    assert secret_keys(Mappings) == {"rows", "secretToken"}


@given(
    st.builds(
        Mappings,
        job_id=st.text(),
        rows=st.dictionaries(
            st.text().filter(lambda key: not key.startswith("__")),
            st.builds(
                Row, source=st.text(), matching_priority=st.integers(0, 9), flow_type=st.sampled_from(["Always"])
            ),
        ),
        users=st.lists(st.text()),
        threshold=st.none() | st.integers(0, 10_000),
        share=st.floats(0, 1),
        exclusive=st.booleans(),
        secret_token=st.none() | st.text(),
    )
)
def test_decoding_is_the_reverse_of_as_plain(mappings: Mappings) -> None:
    """Both decoders read what ``as_plain`` writes."""
    plain = as_plain(mappings)

    assert decode(Mappings, plain) == (mappings, [])
    assert decode_lenient(Mappings, plain) == mappings
