from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.provider.directory.name_lists import membership, without_repeats
from kzero_scim.provider.directory.principals import same_user
from kzero_scim.resource.model import UNKNOWN, Change, ChangeKind

NAMES = st.lists(st.sampled_from([f"user{number}@x.example" for number in range(12)]), unique=True)


@given(names=NAMES, data=st.data())
def test_order_and_case_never_matter(names: list[str], data: st.DataObject) -> None:
    """A shuffled list in upper case is the same set."""
    shuffled = [name.upper() for name in data.draw(st.permutations(names))]

    assert membership("users", names, shuffled, same_user) == []


@given(old=NAMES, new=NAMES)
def test_every_difference_is_shown_at_its_place(old: list[str], new: list[str]) -> None:
    """A removed name has its old index, an added name its new index, and each index one change."""
    changes = membership("users", old, new, same_user)

    gone = {f"users[{old.index(name)}]" for name in set(old) - set(new)}
    come = {f"users[{new.index(name)}]" for name in set(new) - set(old)}
    kinds = {change.path: change.kind for change in changes}
    assert len(changes) == len(kinds)
    assert {path for path, kind in kinds.items() if kind is ChangeKind.DELETE} == gone - come
    assert {path for path, kind in kinds.items() if kind is ChangeKind.ADD} == come - gone
    assert {path for path, kind in kinds.items() if kind is ChangeKind.UPDATE} == come & gone


def test_unknown_names_count_as_additions() -> None:
    """A name that the preview does not know counts as added."""
    assert membership("users", ["a"], UNKNOWN, same_user) == [Change("users", ChangeKind.UPDATE)]
    assert membership("users", ["a"], ["a", UNKNOWN], same_user) == [Change("users[1]", ChangeKind.ADD)]


def test_repeats_are_dropped() -> None:
    """The first spelling of a repeated name stays."""
    assert without_repeats(["A@x", "b@x", "a@X", UNKNOWN, UNKNOWN]) == ["A@x", "b@x", UNKNOWN, UNKNOWN]
