from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kzero_scim.provider.package import KZERO
from kzero_scim.resource.codec import fields_of

ROOT = Path(__file__).parents[3]


def test_every_resource_has_facts() -> None:
    """The package names facts for each of its resources and for nothing else."""
    assert list(KZERO.facts) == list(KZERO.resources)


@pytest.mark.parametrize("token", KZERO.resources)
def test_a_resource_has_the_facts_of_its_folder(token: str) -> None:
    """The class and the package refer to the same facts."""
    assert KZERO.resources[token].facts is KZERO.facts[token]


@pytest.mark.parametrize("token", KZERO.resources)
def test_the_token_is_the_one_in_the_list(token: str) -> None:
    """The class declares the token by which the package lists it."""
    assert KZERO.resources[token].token == token


@pytest.mark.parametrize("token", KZERO.facts)
def test_facts_agree_with_each_other(token: str) -> None:
    """What can drift can be traced to a log, and what leaves nothing cannot drift."""
    facts = KZERO.facts[token]

    assert facts.label
    assert 1 <= facts.step <= 5
    assert facts.drifts == bool(facts.audit_activities or facts.admin_events)
    assert not (facts.drifts and facts.leaves_nothing)
    assert not (facts.audit_activities and facts.admin_events)
    assert bool(facts.follow_up) == ("triggers" in facts.own_course)


@pytest.mark.parametrize("token", KZERO.facts)
def test_facts_name_properties_that_exist(token: str) -> None:
    """A property that is renamed or removed leaves no fact behind."""
    facts = KZERO.facts[token]
    named = {*facts.own_course, *facts.members, *facts.changes, *facts.named, *facts.counted}

    assert named <= set(fields_of(KZERO.resources[token].state))


def test_resources_are_listed_in_the_guides_order() -> None:
    """Reports sort by the step of the guide, and the list already has that order."""
    steps = [facts.step for facts in KZERO.facts.values()]

    assert steps == sorted(steps)


def test_facts_are_read_without_the_resources() -> None:
    """A report on many tenants does not load the resources' code."""
    program = (
        "import json, sys\n"
        "from kzero_scim.provider.package import KZERO\n"
        "assert all(facts.label for facts in KZERO.facts.values())\n"
        "loaded = [name for name in sys.modules if name.startswith('kzero_scim.provider.')]\n"
        "print(json.dumps([name for name in loaded if name.endswith('.resource')]))\n"
    )

    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)

    assert json.loads(done.stdout) == []
