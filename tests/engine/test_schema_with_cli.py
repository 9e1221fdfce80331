"""The real CLI reads the package's schema from the real executable."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

from kzero_scim.provider.package import KZERO

CHECKOUT = Path(__file__).parents[2]


def test_cli_binds_the_schema(pulumi: Path, tmp_path: Path) -> None:
    """The CLI resolves every type and reference of the schema without a warning."""
    ended = subprocess.run(
        [pulumi, "package", "get-schema", "./plugin/pulumi-resource-kzero"],
        cwd=CHECKOUT,
        env={**os.environ, "PULUMI_HOME": str(tmp_path), "PULUMI_SKIP_UPDATE_CHECK": "true"},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    schema = json.loads(ended.stdout)
    assert set(schema["resources"]) == set(KZERO.resources)
    assert schema["resources"]["kzero:keycloak:MapperSet"]["requiredInputs"] == ["realm"]
