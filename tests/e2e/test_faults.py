"""A few cases of `make faults`, so that the harness itself stays fit: kills, faults of either service, two at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from kzero_sandbox.running import RunningSandbox

from faults.harness import Harness, all_cases
from kzero_scim.stack.stack import pulumi_cli
from tools import azuread_plugin

SEED = 1
SAMPLE = (
    "first-kill-azuread-application-after",
    "first-kill-engine-job-after",
    "first-kill-provider-mapper-set-after",
    "graph-connection-reset-though-it-acted-at-job",
    "kzero-401-at-mapper-set",
    "two-ups",
)


@pytest.fixture(scope="module")
def harness(sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> Harness:
    """The harness on the tests' own sandbox; what an undisturbed run makes is found out once."""
    command = pulumi_cli()
    assert command is not None
    azuread_plugin.write_stand_in(sandbox.layout.pulumi_home)
    return Harness(sandbox=sandbox, folder=tmp_path_factory.mktemp("faults"), pulumi=Path(command))


@pytest.mark.parametrize("key", SAMPLE)
def test_a_second_up_ends_where_an_undisturbed_one_does(key: str, harness: Harness) -> None:
    """Object by object on both sides, with nothing twice and no secret in anything written."""
    [case] = [case for case in all_cases(SEED) if case.key == key]

    assert harness.run(case).problems == ()
