"""A few cases of `make faults`, which test the harness itself: kills, faults of both services, two runs at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from kzero_sandbox.azuread.installation import write_stand_in
from kzero_sandbox.running import RunningSandbox

from faults.harness import Harness, all_cases
from kzero_scim.stack.stack import pulumi_cli

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
    """The harness with the tests' sandbox. Undisturbed runs happen once."""
    command = pulumi_cli()
    assert command is not None
    write_stand_in(sandbox.layout.pulumi_home)
    return Harness(sandbox=sandbox, folder=tmp_path_factory.mktemp("faults"), pulumi=Path(command))


@pytest.mark.parametrize("key", SAMPLE)
def test_a_second_up_reaches_the_result_of_an_undisturbed_one(key: str, harness: Harness) -> None:
    """All objects on both sides are equal, none exists twice, and no file contains a secret."""
    [case] = [case for case in all_cases(SEED) if case.key == key]

    assert harness.run(case).problems == ()
