"""Records a tenant after this version's `pulumi up`: `python -m tests.baselines.record [VERSION]`.

Run it for each version that users may upgrade from. The upgrade tests use every recording.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from kzero_sandbox.fleet import fleet
from kzero_sandbox.running import own_sandbox

import kzero_scim
from tests.baselines.baseline import FOLDER, Baseline, project_of
from tests.e2e.cli_project import install_azuread


def main() -> None:
    """Set up one tenant in a separate sandbox, and record it."""
    parser = argparse.ArgumentParser(description="Record a tenant after this version's `pulumi up`.")
    parser.add_argument("version", nargs="?", default=kzero_scim.__version__, help="by default this version")
    version = parser.parse_args().version
    with tempfile.TemporaryDirectory() as temporary, own_sandbox(Path(temporary) / "sandbox") as sandbox:
        folder, pulumi_home = Path(temporary) / "project", Path(temporary) / "pulumi"
        install_azuread(pulumi_home)
        with fleet(sandbox, 1, folder) as (tenant,):
            project = project_of(tenant, folder, pulumi_home)
            project.up().succeeded()
            Baseline(FOLDER / version).record(sandbox, tenant, project)


if __name__ == "__main__":
    main()
