"""The fault harness finds planted problems, and ignores differences that occur by chance."""

from __future__ import annotations

import copy
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from faults import both_sides, table
from faults.cases import Case
from faults.command_line import chosen
from faults.harness import all_cases
from faults.leaks import leaks
from faults.project import Outcome
from faults.verdict import Result

TENANT: dict[str, Any] = {
    "KZero mappers": [
        {"id": "<id>", "name": "email", "config": {"claim.name": "emails.work"}},
        {"id": "<id>", "name": "tag", "config": {"claim.name": "tag"}},
    ],
    "KZero users": [{"username": "alex@contoso.example", "enabled": True}],
    "Entra applications": [{"displayName": "KZero", "tags": ["a", "b"]}],
    "Entra service principals": [{"displayName": "KZero"}],
    "Entra jobs": [{"templateId": "scim", "schedule": {"state": "Active"}}],
    "Entra assignments": [
        {"principalId": "alex", "resourceDisplayName": "KZero", "appRoleId": "user"},
        {"principalId": "morgan", "resourceDisplayName": "KZero", "appRoleId": "user"},
    ],
    "Entra schemas": [
        {
            "synchronizationRules": [
                {
                    "objectMappings": [
                        {
                            "name": "users",
                            "attributeMappings": [
                                {"targetAttributeName": "userName"},
                                {"targetAttributeName": "active"},
                            ],
                        }
                    ]
                }
            ]
        }
    ],
}


def changed(path: str, change: Any) -> dict[str, Any]:  # noqa: ANN401 - any value
    """Return the tenant's objects with a planted change."""
    tenant = copy.deepcopy(TENANT)
    change(tenant[path])
    return tenant


def test_another_order_is_not_a_difference() -> None:
    """Objects in another order are equal, because neither service keeps an order."""
    turned = copy.deepcopy(TENANT)
    turned["KZero mappers"].reverse()
    turned["Entra assignments"].reverse()
    turned["Entra applications"][0]["tags"].reverse()

    assert both_sides.compare(TENANT, turned) == []
    assert both_sides.duplicates(turned) == []


@pytest.mark.parametrize(
    ("kind", "change", "said"),
    [
        ("KZero mappers", lambda all_: all_[0]["config"].update({"claim.name": "email"}), '"email" instead of'),
        ("KZero mappers", lambda all_: all_.pop(), "missing"),
        ("KZero users", lambda all_: all_.clear(), "missing"),
        ("Entra jobs", lambda all_: all_[0]["schedule"].update(state="Paused"), '"Paused" instead of "Active"'),
        ("Entra assignments", lambda all_: all_.pop(), "missing"),
        ("Entra applications", lambda all_: all_[0].update(notes="x"), "unexpected"),
        ("Entra applications", lambda all_: all_[0].pop("tags"), "missing"),
    ],
)
def test_a_planted_difference_is_reported(kind: str, change: Any, said: str) -> None:  # noqa: ANN401 - a function
    """The message has the kind of object and the value that was found."""
    [difference] = both_sides.compare(TENANT, changed(kind, change))

    assert kind in difference
    assert said in difference


@pytest.mark.parametrize(
    "kind",
    [
        "Entra applications", "Entra service principals", "Entra jobs", "Entra assignments", "KZero mappers",
        "KZero users",
    ],
)  # fmt: skip
def test_a_planted_duplicate_is_reported(kind: str) -> None:
    """A duplicate is reported in addition to the difference."""
    doubled = changed(kind, lambda all_: all_.append(copy.deepcopy(all_[0]) | {"id": "another"}))

    [duplicate] = both_sides.duplicates(doubled)

    assert duplicate.startswith(f"{kind}: ")
    assert duplicate.endswith("exists 2 times")
    assert both_sides.compare(TENANT, doubled)


def test_an_attribute_that_is_mapped_twice_is_reported() -> None:
    """An attribute with two mappings is reported, because Entra accepts such a schema."""
    rows = [{"targetAttributeName": "active"}]
    mapping = "synchronizationRules", "objectMappings"
    doubled = changed(
        "Entra schemas", lambda all_: all_[0][mapping[0]][0][mapping[1]][0]["attributeMappings"].extend(rows)
    )

    assert both_sides.duplicates(doubled) == ["Entra schema 0: users: active is mapped 2 times"]


def test_a_planted_secret_is_found_in_output_and_files(tmp_path: Path) -> None:
    """Secrets are found in the output and in files, even in binary files."""
    (tmp_path / "state.json").write_bytes(b"\xff\xfe secret-of-the-client \x00")
    token = ".".join(["eyJ" + "a" * 20, "eyJ" + "b" * 20, "c" * 20])

    found = leaks(
        {"CLIENT": "secret-of-the-client", "OTHER": "never-printed"},
        {"1 up": f"Authorization: Bearer {token}", "2 up": "all is well"},
        [tmp_path / "state.json"],
    )

    assert found == ["an access token in 1 up", f"CLIENT in {tmp_path / 'state.json'}"]


def test_a_secret_that_is_too_short_for_a_search_is_an_error() -> None:
    """An empty secret is an error, because it would be found everywhere."""
    with pytest.raises(ValueError, match="CLIENT is too short"):
        leaks({"CLIENT": ""}, {}, [])


def test_what_an_incomplete_run_leaves_in_the_state_is_marked() -> None:
    """Pending operations, and resources that are to be deleted or failed to initialize, have marks."""
    urn = "urn:pulumi:x::kzero-scim::kind::"
    export = {
        "deployment": {
            "resources": [
                {"type": "kind", "urn": f"{urn}a"},
                {"type": "kind", "urn": f"{urn}b", "delete": True, "initErrors": ["x"]},
            ],
            "pending_operations": [{"type": "creating", "resource": {"type": "kind", "urn": f"{urn}c"}}],
        }
    }

    assert both_sides.resources(export) == ["kind a", "kind b delete initErrors", "pending creating kind c"]


def test_there_are_enough_cases_and_each_has_its_own_key() -> None:
    """There are at least sixty cases, and the seed changes only their order."""
    cases, others = all_cases(1), all_cases(2)

    keys = Counter(case.key for case in cases)
    assert len(cases) >= 60
    assert [name for name, count in keys.items() if count > 1] == []
    assert [case.key for case in cases] == [case.key for case in all_cases(1)]
    assert [case.key for case in cases] != [case.key for case in others]
    assert len(cases) == len(others)


def test_cases_are_selected_by_a_part_of_their_key() -> None:
    """A part of the key or a pattern selects cases, and no pattern selects all."""
    cases = all_cases(1)

    assert {case.key for case in chosen(cases, ["two-ups"])} == {"two-ups"}
    assert all(case.key.startswith("first-kill-engine") for case in chosen(cases, ["first-kill-engine*after"]))
    assert chosen(cases, []) == cases


def never(_world: object) -> Outcome:
    """Fail if it is called."""
    raise AssertionError


def test_the_markdown_has_the_command_and_every_case() -> None:
    """The cases are sorted by what breaks, and a case with another result counts as failed."""
    good = Result(
        case=Case(key="a", what="b | c", disturb=never),
        first=Outcome(command="up", code=1, text="error: update failed\nerror: gone\n", seconds=1.0),
        recovered=True,
        seconds=2.0,
    )
    bad = Result(case=Case(key="b", what="a", disturb=never), problems=("x",))

    text = table.report([good, bad]).markdown("make faults", "2 cores")

    assert "Made by `make faults` on 2 cores." in text
    assert "1 of 2 cases reached the result of an undisturbed run; the second up took 2.0 s (median)" in text
    assert text.splitlines()[-2:] == [
        "| a | not run |  |  | FAILED |",
        "| b \\| c | fails: gone | `kzero-scim recover` | 2.0 s | ok |",
    ]
