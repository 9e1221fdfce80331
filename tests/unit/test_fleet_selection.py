"""Which tenants a selection gives."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kzero_scim.errors import SettingsError
from kzero_scim.fleet.project import FleetProject
from kzero_scim.fleet.selection import Selection, Shard, of_files, select

_TAGS = {"alpha": "[canary, emea]", "beta": "[emea]", "gamma": "[apac]", "delta": "[]"}


@pytest.fixture
def project(tmp_path: Path) -> FleetProject:
    """Four tenants, one of which keeps its users in a file of its own."""
    (tmp_path / "Pulumi.yaml").write_text("name: kzero-scim\nruntime: python\n")
    (tmp_path / "stacks").mkdir()
    for name, tags in _TAGS.items():
        users = "\n  kzero-scim:usersFile: stacks/gamma-users.txt" if name == "gamma" else ""
        (tmp_path / "stacks" / f"Pulumi.{name}.yaml").write_text(f"config:\n  kzero-scim:tags: {tags}{users}\n")
    (tmp_path / "stacks" / "gamma-users.txt").write_text("alex@gamma.example\n")
    return FleetProject.load(tmp_path)


def _names(project: FleetProject, selection: Selection, failed: tuple[str, ...] = ()) -> list[str]:
    return [tenant.name for tenant in select(project, selection, failed).tenants]


@pytest.mark.parametrize(
    ("selection", "expected"),
    [
        (Selection(), ["alpha", "beta", "delta", "gamma"]),
        (Selection(names=("beta", "*l*a*")), ["alpha", "beta", "delta"]),
        (Selection(tags=("emea",)), ["alpha", "beta"]),
        (Selection(tags=("apac", "canary")), ["alpha", "gamma"]),
        (Selection(tags=("emea+canary",)), ["alpha"]),
        (Selection(names=("beta", "gamma"), tags=("emea",)), ["beta"]),
        (Selection(failed=True), ["delta"]),
    ],
)
def test_filters_leave_those_whom_all_of_them_mean(
    project: FleetProject, selection: Selection, expected: list[str]
) -> None:
    """Names and tags are each any of, together all of; the order is by name."""
    assert _names(project, selection, ("delta", "gone")) == expected


@pytest.mark.parametrize(
    ("selection", "words"),
    [
        (Selection(names=("gama",)), 'no tenant is called "gama"; did you mean "gamma"?'),
        (Selection(tags=("latam",)), "--tag latam: no tenant has it; the tags are apac, canary, emea"),
    ],
)
def test_what_matches_nothing_is_an_error(project: FleetProject, selection: Selection, words: str) -> None:
    """A mistyped name never selects the empty set in silence."""
    with pytest.raises(SettingsError) as caught:
        select(project, selection)

    assert str(caught.value).startswith(words)


@given(st.sets(st.text("abcdef-1", min_size=1, max_size=8), max_size=40), st.integers(1, 12))
def test_every_tenant_is_in_exactly_one_shard(tenants: set[str], count: int) -> None:
    """Shards are disjoint and together everything; which one depends on the name alone."""
    for tenant in tenants:
        assert sum(Shard(number=number, of=count).has(tenant) for number in range(1, count + 1)) == 1


@pytest.mark.parametrize("text", ["0/3", "4/3", "1", "a/b", "1/0", "-1/2"])
def test_a_shard_that_is_none_is_refused(text: str) -> None:
    """The error shows how one is written."""
    with pytest.raises(SettingsError, match="as in 2/5"):
        Shard.parse(text)


@pytest.mark.parametrize(
    ("files", "everybody", "tenants"),
    [
        (["stacks/Pulumi.beta.yaml"], False, {"beta"}),
        (["stacks/gamma-users.txt", "README.md", "docs/fleet.md"], False, {"gamma"}),
        (["requirements.lock"], True, set()),
        (["components/settings.py", "stacks/Pulumi.beta.yaml"], True, {"beta"}),
        (["Pulumi.yaml"], True, set()),
        (["fleet.yaml"], True, set()),
        ([], False, set()),
    ],
)
def test_a_file_touches_its_own_tenants_or_all(
    project: FleetProject,
    files: list[str],
    everybody: bool,  # noqa: FBT001 - a table's value
    tenants: set[str],
) -> None:
    """Code and lock files touch everybody, a stack file and what it names its tenant, documents nobody."""
    found = of_files(project, files)

    assert (found.everybody, set(found.tenants), found.notes) == (everybody, tenants, [])


@pytest.fixture
def git(project: FleetProject) -> Callable[..., str]:
    """Run git in the project, which is committed."""

    def run(*arguments: str) -> str:
        identity = ["-c", "user.name=Operator", "-c", "user.email=operator@example.com", "-c", "commit.gpgsign=false"]
        return subprocess.run(
            ["git", "-C", str(project.folder), *identity, *arguments],  # noqa: S607 - the developer's own git
            check=True,
            capture_output=True,
            text=True,
        ).stdout

    run("init", "--quiet", "--initial-branch=main")
    run("add", "--all")
    run("commit", "--quiet", "--message=The fleet")
    return run


def test_changed_since_means_the_branch_and_what_is_not_committed(
    project: FleetProject, git: Callable[..., str]
) -> None:
    """What main got since the branch began is none of it; a stack file that is gone is told."""
    git("switch", "--quiet", "--create", "change")
    (project.folder / "stacks" / "Pulumi.beta.yaml").write_text("config:\n  kzero-scim:tags: [emea, new]\n")
    git("commit", "--quiet", "--all", "--message=Tag beta")
    git("switch", "--quiet", "main")
    (project.folder / "stacks" / "Pulumi.alpha.yaml").write_text("config: {}\n")
    git("commit", "--quiet", "--all", "--message=Change alpha on main")
    git("switch", "--quiet", "change")
    (project.folder / "stacks" / "Pulumi.delta.yaml").unlink()
    (project.folder / "stacks" / "Pulumi.omega.yaml").write_text("config: {}\n")

    found = select(FleetProject.load(project.folder), Selection(changed_since="main"))

    assert [tenant.name for tenant in found.tenants] == ["beta", "omega"]
    assert "\n".join(found.notes) == (
        "the stack file of delta is gone; if its stack is not destroyed yet, both sides stay as they are: put the file "
        "back and run `pulumi destroy --stack delta`"
    )


def test_an_unknown_revision_names_the_remedy(project: FleetProject, git: Callable[..., str]) -> None:
    """A shallow clone has no merge base: the operator is told how to clone."""
    git("status")

    with pytest.raises(SettingsError, match=r"--changed-since origin/main: git knows no such revision.*fetch-depth: 0"):
        select(project, Selection(changed_since="origin/main"))
