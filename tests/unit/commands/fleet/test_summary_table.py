"""The end of a run names what failed so that an operator can copy it, at any width."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from kzero_scim.commands.fleet.summary_table import print_closing
from kzero_scim.fleet.model import Command, FleetRun, Outcome, TenantResult

REMEDY = 'run `export KZERO_SCIM_ALLOWED_HOSTS="$KZERO_SCIM_ALLOWED_HOSTS https://sso.example:8443"`'
REFUSAL = f"kzeroServerUrl: https://sso.example:8443 would receive KZERO_CLIENT_SECRET; to allow it, {REMEDY}"


def closing(width: int, *results: TenantResult) -> list[str]:
    """Return what the end of a run prints in a terminal of this width."""
    output = io.StringIO()
    run = FleetRun(command=Command.DRIFT, project="p", began="", ended="", results=list(results))
    print_closing(Console(file=output, width=width), run)
    return output.getvalue().splitlines()


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.TIMED_OUT, Outcome.UNHEALTHY, Outcome.NOT_RUN])
def test_a_long_reason_is_in_one_piece_at_80_columns(outcome: Outcome) -> None:
    """The command of the remedy is not broken into lines of a narrow column."""
    lines = closing(80, TenantResult(tenant="fabrikam", outcome=outcome, error=REFUSAL))

    [line] = [line for line in lines if REMEDY in line]
    assert line.endswith("(fabrikam)")
    assert any(row.split()[-2:] == ["1", "fabrikam"] for row in lines)


def test_a_short_reason_stays_in_the_table() -> None:
    """A reason that fits into its column is beside the tenant's name."""
    lines = closing(80, TenantResult(tenant="fabrikam", outcome=Outcome.FAILED, error="no such stack"))

    assert any(row.split() == ["failed", "1", "no", "such", "stack", "fabrikam"] for row in lines)
