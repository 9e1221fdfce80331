"""The option --timeout of fleet commands."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from kzero_scim.commands.main import app


@pytest.mark.parametrize("command", ["drift", "status", "preview", "up", "refresh"])
@pytest.mark.parametrize("seconds", ["nan", "inf", "-inf", "0", "-1"])
def test_a_time_out_is_a_finite_number(command: str, seconds: str, tmp_path: Path) -> None:
    """NaN passes every comparison, and one NaN in the event loop's timers delays all others."""
    done = CliRunner().invoke(app, ["fleet", command, "--project", str(tmp_path), "--timeout", seconds])

    assert done.exit_code == 1
    assert "--timeout" in done.output
