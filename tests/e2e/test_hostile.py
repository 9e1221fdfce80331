"""Some attacks of `make hostile`, one of each kind, which test the harness itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from kzero_sandbox.azuread.installation import write_stand_in
from kzero_sandbox.running import RunningSandbox

from hostile.cases import FLEET_DRIFT
from hostile.fleet import fleet
from hostile.harness import Harness, all_cases

SLACK = 10.0
"""Other tests run at the same time."""
SAMPLE = (
    "address-kzeroserverurl",
    "echoes-the-request-html-kzero-s-sign-in",
    "answers-1-5-gb-in-deflate-kzero-s-sign-in",
    "answers-objects-at-the-limit-microsoft-graph",
    "redirects-to-another-host-with-308-microsoft-graph",
    "error-text-microsoft-graph",
    "credential-file-ld-preload",
    "stack-file-a-pipe-without-a-writer",
)


@pytest.fixture(scope="module")
def harness(sandbox: RunningSandbox, pulumi: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Harness]:
    """The harness with the tests' sandbox, and a fleet of four that all cases share."""
    write_stand_in(sandbox.layout.pulumi_home)
    with fleet(sandbox, tmp_path_factory.mktemp("hostile"), pulumi) as made:
        yield Harness(made, slack=SLACK)


@pytest.mark.parametrize("key", SAMPLE)
def test_an_attack_gets_nothing(key: str, harness: Harness) -> None:
    """No secret is anywhere, the exit code is as documented, and the other three tenants finish."""
    [case] = [case for case in all_cases() if case.key == key]

    assert harness.run(case, only=(FLEET_DRIFT,)).problems == ()
